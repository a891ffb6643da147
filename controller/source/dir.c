/* SPDX-License-Identifier: Apache-2.0 */
#include "source/dir.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>

#include "base/mem.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "source/files.h"
#include "source/folder.h"

enum {
	WATCH_AGAIN = 1000 * 1000, /* usec between tries to watch a folder that is gone */
	READ_MIN = 1000 * 1000,    /* between tries to read files that could not be read */
	READ_MAX = 30 * 1000 * 1000,
	EVENTS_SIZE = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1),
	WATCHED = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		  IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR,
};

struct dir_source {
	struct files files;
	struct folder *folder;
	struct source_ops ops;
	void *ud;
	int fd, watch;
	sd_event_source *io, *retry;
	struct backoff backoff;
	bool lost; /* the folder cannot be read; what was known stands */
};

DEFINE_CLEANUP(struct dir_source *, dir_source_free);

static void note_event(struct dir_source *d, const struct inotify_event *event)
{
	const uint32_t done = IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF))
		d->watch = -1;
	/* The end of a writing may be among what was lost. */
	if (event->mask & IN_Q_OVERFLOW)
		files_clear_busy(&d->files);
	if (event->len == 0) {
		files_touch_all(&d->files);
		return;
	}
	files_touch(&d->files, event->name);
	if (event->mask & IN_MODIFY)
		files_set_busy(&d->files, event->name, true);
	else if (event->mask & done)
		files_set_busy(&d->files, event->name, false);
}

static void drain_events(void *ud)
{
	struct dir_source *d = ud;
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

static int add_watch(struct dir_source *d, struct err *e)
{
	d->watch = inotify_add_watch(d->fd, d->files.path, WATCHED);
	files_touch_all(&d->files);
	return d->watch < 0 ? err_errno(e, errno, "watching %s", d->files.path) : 0;
}

static bool needs_look(const struct dir_source *d)
{
	return files_are_touched(&d->files) || d->watch < 0;
}

static int scan(struct dir_source *d, struct err *e)
{
	int r = folder_scan(d->folder, drain_events, d, e);

	if (r < 0)
		return r;
	if (d->files.n_failed == 0)
		d->backoff.last = 0;
	/* Events that came meanwhile are drained already: nothing else would bring us back. */
	if (needs_look(d))
		loop_timer_arm(d->retry, 0);
	else if (d->files.n_failed && !loop_timer_armed(d->retry))
		loop_timer_arm(d->retry, backoff_next(&d->backoff, 0));
	return 0;
}

static void look(struct dir_source *d)
{
	struct err e = {0};
	int r = d->watch < 0 ? add_watch(d, &e) : 0;

	if (r >= 0)
		r = scan(d, &e);
	if (r >= 0) {
		d->lost = false;
		return;
	}
	if (!d->lost)
		d->ops.problem(d->ud, d->files.path, e.msg);
	d->lost = true;
	d->watch = -1;
	loop_timer_arm(d->retry, WATCH_AGAIN);
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct dir_source *d = ud;

	loop_doing(LOOP_HERE("on_events"));
	(void)source;
	(void)fd;
	(void)events;
	drain_events(d);
	if (needs_look(d))
		look(d);
	return 0;
}

static void on_retry(void *ud)
{
	struct dir_source *d = ud;

	files_touch_failed(&d->files);
	look(d);
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
	d->backoff = (struct backoff){.min = READ_MIN, .max = READ_MAX};
	files_init(&d->files, path);
	d->folder = folder_new(&d->files, ops, ud);
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
	folder_free(d->folder);
	files_done(&d->files);
	closep(&d->fd);
	free(d);
	return NULL;
}
