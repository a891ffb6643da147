/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/file_watch.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/fsutil.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	SETTLE = 200 * 1000,      /* usec from the first event to the look: they come in swarms */
	LOOK_AGAIN = 1000 * 1000, /* usec between looks for a folder that is gone */
	READ_MIN = 1000 * 1000,   /* between tries to read a file that could not be read */
	READ_MAX = 30 * 1000 * 1000,
	GONE = IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF,
	WATCHED = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
		  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
};

struct file_watch {
	sd_event *loop;
	sd_event_source *events;
	sd_event_source *timer; /* for what happens */
	sd_event_source *again; /* for what we are not told of */
	struct backoff backoff;
	char *path, *folder;
	size_t max;
	struct file_watch_ops ops;
	void *ud;
	bool gone;  /* the folder is no more what we watch */
	char *text; /* as last told; NULL: never */
	size_t len;
	struct err lost; /* as last told; code 0: it can be read */
};

static int on_event(sd_event_source *source, const struct inotify_event *event, void *ud)
{
	struct file_watch *w = ud;

	loop_doing(LOOP_HERE("on_event"));
	(void)source;
	if (event->mask & GONE)
		w->gone = true;
	/* Not armed anew by each event: a folder that is never at rest would never be looked at. */
	if (!loop_timer_armed(w->timer))
		loop_timer_arm(w->timer, SETTLE);
	return 0;
}

static int watch(struct file_watch *w, struct err *e)
{
	int r;

	w->events = sd_event_source_disable_unref(w->events);
	r = sd_event_add_inotify(w->loop, &w->events, w->folder, WATCHED, on_event, w);
	w->gone = r < 0;
	return r < 0 ? err_errno(e, -r, "watching %s", w->folder) : 0;
}

/* A folder that is not there yet is looked for as one that is gone. */
static int watch_first(struct file_watch *w, struct err *e)
{
	struct err cause = {0};
	int r = watch(w, &cause);

	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	*e = cause;
	return r;
}

static void tell_lost(struct file_watch *w, const struct err *why)
{
	if (w->lost.code == why->code && strcmp(w->lost.msg, why->msg) == 0)
		return;
	w->lost = *why;
	w->ops.lost(w->ud, why);
}

/* What comes back as it was is told again: whoever was told that it is lost wants to know. */
static void tell_read(struct file_watch *w, char *text, size_t len)
{
	bool same = w->text && !w->lost.code && w->len == len && memcmp(w->text, text, len) == 0;

	w->lost = (struct err){0};
	free(w->text);
	w->text = text;
	w->len = len;
	if (!same)
		w->ops.read(w->ud, text, len);
}

static void look_again(struct file_watch *w, int result)
{
	loop_timer_stop(w->again);
	if (!fs_may_pass(result))
		w->backoff.last = 0;
	if (w->gone)
		loop_timer_arm(w->again, LOOK_AGAIN);
	else if (fs_may_pass(result))
		loop_timer_arm(w->again, backoff_next(&w->backoff, 0));
}

/* The folder first: what changes between both is seen by the watch then. */
static void on_look(void *ud)
{
	struct file_watch *w = ud;
	struct err e = {0};
	char *text = NULL;
	size_t len;
	int r;

	if (w->gone)
		watch(w, &e);
	r = fs_read(&text, &len, w->path, w->max, &e);
	look_again(w, r);
	if (r < 0)
		tell_lost(w, &e);
	else
		tell_read(w, text, len);
}

int file_watch_new(struct file_watch **ret, sd_event *loop, const char *path, size_t max,
	const struct file_watch_ops *ops, void *ud, struct err *e)
{
	CLEANUP(file_watch_freep) struct file_watch *w = xnew0(struct file_watch);
	CLEANUP_FREE char *copy = xstrdup(path);
	int r;

	w->loop = sd_event_ref(loop);
	w->path = xstrdup(path);
	w->folder = xstrdup(dirname(copy));
	w->max = max;
	w->ops = *ops;
	w->ud = ud;
	w->backoff = (struct backoff){.min = READ_MIN, .max = READ_MAX};
	r = loop_timer_new(&w->timer, loop, on_look, w, e);
	if (r >= 0)
		r = loop_timer_new(&w->again, loop, on_look, w, e);
	if (r >= 0)
		r = watch_first(w, e);
	if (r < 0)
		return r;
	loop_timer_arm(w->timer, 0);
	*ret = steal(w);
	return 0;
}

struct file_watch *file_watch_free(struct file_watch *w)
{
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->events);
	sd_event_source_disable_unref(w->timer);
	sd_event_source_disable_unref(w->again);
	sd_event_unref(w->loop);
	free(w->path);
	free(w->folder);
	free(w->text);
	free(w);
	return NULL;
}
