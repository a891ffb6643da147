/* SPDX-License-Identifier: Apache-2.0 */
#include "source/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "source/folder.h"

enum {
	WATCH_AGAIN = 1000 * 1000, /* usec between tries to watch a folder that is gone */
	EVENTS_SIZE = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1),
	WATCHED = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		  IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR,
};

/* A file that was written to and not yet closed. */
struct busy {
	UT_hash_handle hh;
	char name[];
};

struct dir_source {
	struct folder *folder;
	struct source_ops ops;
	void *ud;
	char *path;
	int fd, watch;
	sd_event_source *io, *retry;
	struct busy *busy;
	bool lost;  /* the folder cannot be read; what was known stands */
	bool again; /* events came while we were looking */
};

DEFINE_CLEANUP(struct dir_source *, dir_source_free);

static struct busy *find_busy(const struct dir_source *d, const char *name)
{
	struct busy *b;

	HASH_FIND_STR(d->busy, name, b);
	return b;
}

static void set_busy(struct dir_source *d, const char *name, bool busy)
{
	struct busy *b = find_busy(d, name);
	size_t size = strlen(name) + 1;

	if (busy && !b) {
		b = xcalloc(1, sizeof *b + size);
		memcpy(b->name, name, size);
		HASH_ADD_STR(d->busy, name, b);
	} else if (!busy && b) {
		HASH_DEL(d->busy, b);
		free(b);
	}
}

static void note_event(struct dir_source *d, const struct inotify_event *event)
{
	const uint32_t done = IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
	struct busy *b, *next;

	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF))
		d->watch = -1;
	if (event->mask & IN_Q_OVERFLOW) {
		/* The end of a writing may be among what was lost. */
		HASH_ITER(hh, d->busy, b, next)
			set_busy(d, b->name, false);
	} else if (event->len > 0 && (event->mask & IN_MODIFY)) {
		set_busy(d, event->name, true);
	} else if (event->len > 0 && (event->mask & done)) {
		set_busy(d, event->name, false);
	}
}

static void drain_events(struct dir_source *d)
{
	_Alignas(struct inotify_event) char buf[EVENTS_SIZE];
	ssize_t n;

	while ((n = read(d->fd, buf, sizeof buf)) > 0) {
		d->again = true;
		for (const char *at = buf; at < buf + n;) {
			const void *start = at;
			const struct inotify_event *event = start;

			note_event(d, event);
			at += sizeof *event + event->len;
		}
	}
}

static bool is_busy(void *ud, const char *name)
{
	struct dir_source *d = ud;

	drain_events(d);
	return find_busy(d, name) != NULL;
}

/* ops of the folder's scan, which get us as `ud`. */
static void pass_upsert(void *ud, const json_t *object)
{
	struct dir_source *d = ud;

	d->ops.upsert(d->ud, object);
}

static void pass_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct dir_source *d = ud;

	d->ops.remove(d->ud, kind, ns, name);
}

static void pass_problem(void *ud, const char *where, const char *what)
{
	struct dir_source *d = ud;

	d->ops.problem(d->ud, where, what);
}

static int scan(struct dir_source *d, struct err *e)
{
	static const struct source_ops ops = {
		.upsert = pass_upsert, .remove = pass_remove, .problem = pass_problem};

	return folder_scan(d->folder, is_busy, &ops, d, e);
}

static int add_watch(struct dir_source *d, struct err *e)
{
	d->watch = inotify_add_watch(d->fd, d->path, WATCHED);
	return d->watch < 0 ? err_errno(e, errno, "watching %s", d->path) : 0;
}

static void look(struct dir_source *d)
{
	struct err e = {0};
	int r = d->watch < 0 ? add_watch(d, &e) : 0;

	d->again = false;
	if (r >= 0)
		r = scan(d, &e);
	if (r >= 0) {
		d->lost = false;
		if (d->again)
			loop_timer_arm(d->retry, 0);
		return;
	}
	if (!d->lost)
		d->ops.problem(d->ud, d->path, e.msg);
	d->lost = true;
	d->watch = -1;
	loop_timer_arm(d->retry, WATCH_AGAIN);
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct dir_source *d = ud;

	(void)source;
	(void)fd;
	(void)events;
	drain_events(d);
	look(d);
	return 0;
}

static void on_retry(void *ud)
{
	look(ud);
}

static int set_up(struct dir_source *d, sd_event *loop, struct err *e)
{
	int r;

	d->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (d->fd < 0)
		return err_errno(e, errno, "inotify");
	r = sd_event_add_io(loop, &d->io, d->fd, EPOLLIN, on_events, d);
	if (r < 0)
		return err_errno(e, -r, "watching inotify");
	r = loop_timer_new(&d->retry, loop, on_retry, d, e);
	if (r >= 0)
		r = add_watch(d, e);
	return r < 0 ? r : scan(d, e);
}

int dir_source_new(struct dir_source **ret, sd_event *loop, const char *path,
	const struct source_ops *ops, void *ud, struct err *e)
{
	CLEANUP(dir_source_freep) struct dir_source *d = xnew0(struct dir_source);
	int r;

	d->fd = d->watch = -1;
	d->ops = *ops;
	d->ud = ud;
	d->path = xstrdup(path);
	d->folder = folder_new(path);
	r = set_up(d, loop, e);
	if (r < 0)
		return r;
	ops->synced(ud);
	*ret = steal(d);
	return 0;
}

struct dir_source *dir_source_free(struct dir_source *d)
{
	struct busy *b, *next;

	if (!d)
		return NULL;
	sd_event_source_disable_unref(d->io);
	sd_event_source_disable_unref(d->retry);
	HASH_ITER(hh, d->busy, b, next)
		set_busy(d, b->name, false);
	folder_free(d->folder);
	closep(&d->fd);
	free(d->path);
	free(d);
	return NULL;
}
