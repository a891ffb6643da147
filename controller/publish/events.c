/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "doc/jsonx.h"
#include "kube/failure.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	SECOND = 1000 * 1000, /* usec */
	TIMEOUT = 10 * SECOND,
	BACKOFF_MIN = SECOND,
	BACKOFF_MAX = 60 * SECOND,
	HTTP_NOT_FOUND = 404,
	HTTP_CONFLICT = 409,
};

struct events {
	sd_event *loop;
	struct kube *kube;
	char *identity;
	struct event_book *book;
	sd_event_source *timer;
	struct kube_call *call; /* NULL: none is on its way */
	bool exists;            /* what it changes; else it makes one */
	struct backoff backoff;
	uint64_t paused_until;
	uint64_t sent, refused, failed;
	char *problem;
};

static void pump(void *ud);

static struct event_time now(void)
{
	return (struct event_time){.clock = loop_clock(), .date = loop_date()};
}

int events_new(
	struct events **ret, sd_event *loop, struct kube *kube, const char *identity, struct err *e)
{
	CLEANUP(events_freep) struct events *ev = xnew0(struct events);
	int r;

	ev->loop = sd_event_ref(loop);
	ev->kube = kube;
	ev->identity = xstrdup(identity);
	ev->book = event_book_new();
	ev->backoff = (struct backoff){.min = BACKOFF_MIN, .max = BACKOFF_MAX};
	r = loop_timer_new(&ev->timer, loop, pump, ev, e);
	if (r < 0)
		return err_wrap(e, "Events");
	*ret = steal(ev);
	return 0;
}

struct events *events_free(struct events *ev)
{
	if (!ev)
		return NULL;
	kube_cancel(ev->call);
	sd_event_source_unref(ev->timer);
	event_book_free(ev->book);
	free(ev->identity);
	free(ev->problem);
	sd_event_unref(ev->loop);
	free(ev);
	return NULL;
}

static json_t *time_json(int64_t usec)
{
	char text[TIMESTAMP_TEXT];

	return jsonx_must(json_string(timestamp_format(text, usec)));
}

/* The name that the object has or gets. */
static char *object_name(const struct event *e)
{
	return xasprintf("%s.%016" PRIx64, e->name, e->number);
}

static json_t *involved_json(const struct event *e)
{
	return jsonx_must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "apiVersion", "v1", "kind",
		"Service", "namespace", e->ns, "name", e->name, "uid", e->uid, "resourceVersion",
		e->resource_version));
}

static json_t *event_json(const struct events *ev, const struct event *e)
{
	CLEANUP_FREE char *name = object_name(e);

	return jsonx_must(json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s}, s:s, s:s, "
		"s:o, s:o, s:I}",
		"apiVersion", "v1", "kind", "Event", "metadata", "namespace", e->ns, "name", name,
		"involvedObject", involved_json(e), "type", e->warning ? "Warning" : "Normal",
		"reason", e->reason, "message", e->note, "source", "component", "kago-controller",
		"reportingComponent", "kago.dev/controller", "reportingInstance", ev->identity,
		"firstTimestamp", time_json(e->first), "lastTimestamp", time_json(e->last), "count",
		(json_int_t)e->count));
}

/* What is new about one that happened before. */
static json_t *news_json(const struct event *e)
{
	return jsonx_must(json_pack("{s:s, s:s, s:I, s:o}", "type",
		e->warning ? "Warning" : "Normal", "message", e->note, "count",
		(json_int_t)e->count, "lastTimestamp", time_json(e->last)));
}

/*
 * What became of a call. What is there already was made by a call whose answer was lost, and may
 * say what was so then.
 */
static enum event_end judge(bool exists, const struct kube_answer *answer)
{
	if (!answer->error)
		return EVENT_TOLD;
	if (!exists && answer->status == HTTP_CONFLICT)
		return EVENT_THERE;
	if (exists && answer->status == HTTP_NOT_FOUND)
		return EVENT_LOST;
	return failure_is_passing(answer->status) ? EVENT_AGAIN : EVENT_REFUSED;
}

static void set_problem(struct events *ev, const char *problem)
{
	free(ev->problem);
	ev->problem = problem ? xstrdup(problem) : NULL;
}

static void pause_sending(struct events *ev, uint64_t retry_after)
{
	uint64_t wait = backoff_next(&ev->backoff, 0);

	ev->paused_until = loop_clock() + (wait > retry_after ? wait : retry_after);
}

static void count_end(struct events *ev, enum event_end end, const struct kube_answer *answer)
{
	if (end == EVENT_TOLD || end == EVENT_LOST || end == EVENT_THERE) {
		ev->sent += end == EVENT_TOLD;
		ev->backoff.last = 0;
		set_problem(ev, NULL);
		return;
	}
	ev->failed++;
	ev->refused += end == EVENT_REFUSED;
	set_problem(ev, answer->error);
	if (end == EVENT_AGAIN)
		pause_sending(ev, answer->retry_after);
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct events *ev = ud;
	enum event_end end = judge(ev->exists, answer);

	ev->call = NULL;
	event_book_end(ev->book, end, loop_clock());
	count_end(ev, end, answer);
	pump(ev);
}

static void start(struct events *ev, const struct event *e)
{
	CLEANUP_FREE char *name = object_name(e);
	CLEANUP_FREE char *ns = kube_escape(e->ns);
	CLEANUP_FREE char *path = xasprintf("/api/v1/namespaces/%s/events%s%s", ns,
		e->exists ? "/" : "", e->exists ? name : "");
	json_auto_t *body = e->exists ? news_json(e) : event_json(ev, e);

	ev->exists = e->exists;
	ev->call = kube_start(
		ev->kube, &(struct kube_request){
				  .method = e->exists ? "PATCH" : "POST",
				  .path = path,
				  .body = body,
				  .type = e->exists ? "application/merge-patch+json" : NULL,
				  .timeout = TIMEOUT,
				  .done = on_done,
				  .ud = ev,
			  });
}

/* Sends what may be sent, and comes again when more may. */
static void pump(void *ud)
{
	struct events *ev = ud;
	struct event_time at = now();
	bool paused = at.clock < ev->paused_until;
	const struct event *e = paused ? NULL : event_book_take(ev->book, at);
	uint64_t wait = event_book_wait(ev->book, paused ? ev->paused_until : at.clock);

	loop_timer_stop(ev->timer);
	if (e)
		start(ev, e);
	else if (wait != UINT64_MAX)
		loop_timer_arm(ev->timer, wait + (paused ? ev->paused_until - at.clock : 0));
}

void events_send(struct events *ev, const struct events_subject *about, bool warning,
	const char *reason, const char *note)
{
	event_book_add(ev->book, about, warning, reason, note, now());
	pump(ev);
}

struct events_stats events_stats(const struct events *ev)
{
	return (struct events_stats){
		.sent = ev->sent,
		.dropped = ev->refused + event_book_left_out(ev->book),
		.failed = ev->failed,
		.waiting = event_book_waiting(ev->book),
	};
}

const char *events_problem(const struct events *ev)
{
	return ev->problem;
}
