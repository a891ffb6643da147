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
#include "source/manifests.h"

enum {
	WATCH_AGAIN = 1000 * 1000, /* usec between tries to watch a folder that is gone */
	EVENTS_SIZE = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1),
	WATCHED = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		  IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR,
};

/* A set of file names. */
struct name {
	UT_hash_handle hh;
	char text[];
};

struct dir_source {
	struct folder *folder;
	struct source_ops ops;
	void *ud;
	char *path;
	int fd, watch;
	sd_event_source *io, *retry;
	struct name *busy;       /* written to and not yet closed */
	struct name *touched;    /* since the last look began, */
	bool all_touched;        /* or anything may be */
	struct name *looking_at; /* what was touched before the look that goes on, */
	bool looking_at_all;     /* or all */
	bool lost;               /* the folder cannot be read; what was known stands */
};

DEFINE_CLEANUP(struct dir_source *, dir_source_free);

static struct name *find_name(struct name *set, const char *text)
{
	struct name *n;

	HASH_FIND_STR(set, text, n);
	return n;
}

static void add_name(struct name **set, const char *text)
{
	size_t size = strlen(text) + 1;
	struct name *n;

	if (find_name(*set, text))
		return;
	n = xcalloc(1, sizeof *n + size);
	memcpy(n->text, text, size);
	HASH_ADD_STR(*set, text, n);
}

static void remove_name(struct name **set, const char *text)
{
	struct name *n = find_name(*set, text);

	if (!n)
		return;
	HASH_DEL(*set, n);
	free(n);
}

static void clear_names(struct name **set)
{
	struct name *n, *next;

	HASH_ITER(hh, *set, n, next) {
		HASH_DEL(*set, n);
		free(n);
	}
}

/*
 * A manifest's own name tells which file to look at; a hidden file is somebody's temporary one. Any
 * other name may be what symlinks lead through, such as the ..data of a mounted ConfigMap.
 */
static void note_touched(struct dir_source *d, const char *name)
{
	bool hidden = name[0] == '.' && name[1] != '.';

	if (manifests_is_name(name))
		add_name(&d->touched, name);
	else if (!hidden)
		d->all_touched = true;
}

static void note_event(struct dir_source *d, const struct inotify_event *event)
{
	const uint32_t done = IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF))
		d->watch = -1;
	if (event->mask & IN_Q_OVERFLOW) {
		/* The end of a writing may be among what was lost. */
		clear_names(&d->busy);
		d->all_touched = true;
	}
	if (event->len == 0)
		return;
	note_touched(d, event->name);
	if (event->mask & IN_MODIFY)
		add_name(&d->busy, event->name);
	else if (event->mask & done)
		remove_name(&d->busy, event->name);
}

static void drain_events(struct dir_source *d)
{
	_Alignas(struct inotify_event) char buf[EVENTS_SIZE];
	ssize_t n;

	while ((n = read(d->fd, buf, sizeof buf)) > 0) {
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
	return find_name(d->busy, name) != NULL;
}

static bool is_touched(void *ud, const char *name)
{
	const struct dir_source *d = ud;

	return d->looking_at_all || find_name(d->looking_at, name);
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
	static const struct folder_hints hints = {is_busy, is_touched};
	int r;

	d->looking_at = steal(d->touched);
	d->looking_at_all = d->all_touched;
	d->all_touched = false;
	r = folder_scan(d->folder, &hints, &ops, d, e);
	clear_names(&d->looking_at);
	return r;
}

static int add_watch(struct dir_source *d, struct err *e)
{
	d->watch = inotify_add_watch(d->fd, d->path, WATCHED);
	d->all_touched = true;
	return d->watch < 0 ? err_errno(e, errno, "watching %s", d->path) : 0;
}

static void look(struct dir_source *d)
{
	struct err e = {0};
	int r = d->watch < 0 ? add_watch(d, &e) : 0;

	if (r >= 0)
		r = scan(d, &e);
	if (r >= 0) {
		d->lost = false;
		/* Events that came meanwhile are drained already: nothing else would bring us back.
		 */
		if (d->touched || d->all_touched || d->watch < 0)
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
	if (!d)
		return NULL;
	sd_event_source_disable_unref(d->io);
	sd_event_source_disable_unref(d->retry);
	clear_names(&d->busy);
	clear_names(&d->touched);
	folder_free(d->folder);
	closep(&d->fd);
	free(d->path);
	free(d);
	return NULL;
}
