/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include <errno.h>

#include "kube/known.h"
#include "kube/watch_event.h"
#include "kube/watch_query.h"
#include "loop/backoff.h"
#include "loop/loop.h"

enum {
	SECOND = 1000 * 1000,
	RETRY_MIN = SECOND,
	RETRY_MAX = 30 * SECOND,
	SHORT_STREAM = SECOND,    /* the end of one that lived no longer is a failure */
	FAILURES_BEFORE_LIST = 3, /* of watching; the server may not know our version at all */
	LIST_TIMEOUT = 60 * SECOND,
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_GONE = 410,
	HTTP_UNPROCESSABLE = 422,
};

enum phase {
	PHASE_STREAM_LIST, /* a watch that begins with all there is */
	PHASE_LIST,        /* a list, in pages as a rule */
	PHASE_WATCH,
};

struct watch {
	sd_event *loop;
	struct kube *kube;
	char *api_version, *kind, *path, *selectors;
	uint64_t silence;
	struct watch_ops ops;
	void *ud;
	struct known *known;
	struct kube_call *call;
	sd_event_source *retry_timer;
	struct backoff backoff;
	enum phase phase;
	char *version;       /* where to resume; "" at first */
	char *next_page;     /* the continue token; "" for the first page */
	unsigned page_items; /* of the next page */
	bool cannot_stream;  /* the server does not know streamed lists */
	bool pages_expire;   /* before they are read: then all comes in one */
	bool expired;        /* what the stream that ends stood on is too old */
	unsigned failures;   /* of watching, in a row */
	uint64_t opened_at;  /* when the current call was answered; 0: not yet */
	uint64_t lost_since; /* 0: it works */
	int lost_status;     /* the HTTP status that was told of */
};

static void begin(void *ud);

static void set_works(struct watch *w)
{
	uint64_t since = w->lost_since;

	w->lost_since = 0;
	if (since)
		w->ops.recovered(w->ud, w->path, loop_clock() - since);
}

static void set_lost(struct watch *w, int status, const char *what)
{
	if (w->lost_since == 0 || status != w->lost_status)
		w->ops.problem(w->ud, w->path, what);
	w->lost_status = status;
	if (w->lost_since == 0)
		w->lost_since = loop_clock();
}

static void begin_list(struct watch *w)
{
	w->phase = w->cannot_stream ? PHASE_LIST : PHASE_STREAM_LIST;
	xreplace(&w->next_page, "");
	w->failures = 0;
	known_begin_list(w->known);
}

static void on_gone(void *ud, const char *ns, const char *name)
{
	struct watch *w = ud;

	w->ops.remove(w->ud, w->kind, ns, name);
}

static void finish_list(struct watch *w)
{
	loop_doing(LOOP_HERE("finish_list"));
	known_sweep(w->known, on_gone, w);
	w->phase = PHASE_WATCH;
	w->page_items = WATCH_PAGE_ITEMS;
	w->pages_expire = false;
	w->ops.synced(w->ud);
}

/* What is no object is told of and passed over: it must not keep us from the others. */
static void take_upsert(struct watch *w, json_t *object)
{
	struct watch_event_id id;
	struct err e = {0};

	if (watch_event_check_size(object, &e) < 0 || watch_event_identify(&id, object, &e) < 0) {
		w->ops.problem(w->ud, w->path, e.msg);
		return;
	}
	if (!known_put(w->known, id.ns, id.name, id.version))
		return;
	json_object_del(json_object_get(object, "metadata"), "managedFields");
	w->ops.upsert(w->ud, object);
}

static void take_removal(struct watch *w, const json_t *object)
{
	struct watch_event_id id;
	struct err e = {0};

	if (watch_event_identify(&id, object, &e) < 0)
		w->ops.problem(w->ud, w->path, e.msg);
	else if (known_remove(w->known, id.ns, id.name, id.version))
		w->ops.remove(w->ud, w->kind, id.ns, id.name);
}

static int take_error(struct watch *w, const struct watch_event *ev, struct err *e)
{
	const char *message = json_string_value(json_object_get(ev->object, "message"));

	w->expired = ev->expired;
	return err_set(
		e, EPROTO, "the server ends the stream: %s", message ? message : "why not said");
}

static int take_event(struct watch *w, const struct watch_event *ev, struct err *e)
{
	if (ev->type == WATCH_ERROR)
		return take_error(w, ev, e);
	if (ev->type == WATCH_UPSERT)
		take_upsert(w, ev->object);
	else if (ev->type == WATCH_REMOVE)
		take_removal(w, ev->object);
	/* Within a streamed list, which is sorted otherwise, there is no place to resume at. */
	if (*ev->version && (w->phase == PHASE_WATCH || ev->type == WATCH_BOOKMARK))
		xreplace(&w->version, ev->version);
	if (w->phase == PHASE_STREAM_LIST && ev->ends_list)
		finish_list(w);
	return 0;
}

static int on_line(void *ud, const char *line, size_t len, struct err *e)
{
	struct watch *w = ud;
	struct watch_event ev;
	int r = watch_event_parse(&ev, line, len, e);

	loop_doing(LOOP_HERE("on_line"));
	if (r == -EINVAL) {
		w->ops.problem(w->ud, w->path, e->msg);
		return 0;
	}
	if (r < 0)
		return r;
	r = take_event(w, &ev, e);
	watch_event_done(&ev);
	return r;
}

static void on_open(void *ud)
{
	struct watch *w = ud;

	w->opened_at = loop_clock();
	set_works(w);
}

static uint64_t worked_for(const struct watch *w)
{
	return w->opened_at ? loop_clock() - w->opened_at : 0;
}

static void retry(struct watch *w, uint64_t retry_after)
{
	uint64_t wait = backoff_next(&w->backoff, worked_for(w));

	loop_timer_arm(w->retry_timer, wait > retry_after ? wait : retry_after);
}

/* A server that does not know streamed lists says so, and is asked for pages at once. */
static bool is_told_to_page(struct watch *w, int status)
{
	if (w->phase != PHASE_STREAM_LIST ||
		(status != HTTP_BAD_REQUEST && status != HTTP_UNPROCESSABLE))
		return false;
	w->cannot_stream = true;
	begin_list(w);
	begin(w);
	return true;
}

/* A page that did not come as a whole was too large: it is as large as its objects are. */
static void change_pages(struct watch *w, const struct kube_answer *answer, bool too_old)
{
	w->pages_expire = too_old;
	if (answer->status == HTTP_OK && w->page_items > 1)
		w->page_items /= 2;
}

static void on_failure(struct watch *w, const struct kube_answer *answer)
{
	bool too_old = w->expired || answer->status == HTTP_GONE;

	w->expired = false;
	if (is_told_to_page(w, answer->status))
		return;
	if (too_old && w->phase == PHASE_WATCH) {
		begin_list(w); /* nothing is wrong: what cannot be resumed is read anew */
		retry(w, 0);
		return;
	}
	if (w->phase == PHASE_LIST)
		change_pages(w, answer, too_old);
	if (w->phase != PHASE_WATCH || ++w->failures >= FAILURES_BEFORE_LIST)
		begin_list(w);
	set_lost(w, answer->status, answer->error);
	retry(w, answer->retry_after);
}

static void on_stream_end(void *ud, const struct kube_answer *answer)
{
	struct watch *w = ud;

	w->call = NULL;
	if (answer->error) {
		on_failure(w, answer);
		return;
	}
	if (w->phase == PHASE_STREAM_LIST)
		begin_list(w);
	w->failures = 0;
	if (worked_for(w) < SHORT_STREAM)
		retry(w, 0);
	else
		begin(w);
}

static void take_items(struct watch *w, json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		/* The items of a list do not repeat what they are. */
		if (json_is_object(item) &&
			(json_object_set_new(item, "kind", json_string(w->kind)) < 0 ||
				json_object_set_new(
					item, "apiVersion", json_string(w->api_version)) < 0))
			mem_exhausted();
		take_upsert(w, item);
	}
}

static int take_page(struct watch *w, const json_t *document, struct err *e)
{
	struct watch_event_page page;
	int r = watch_event_page_read(&page, document, e);

	if (r < 0)
		return r;
	take_items(w, page.items);
	xreplace(&w->version, page.version);
	xreplace(&w->next_page, page.next);
	return 0;
}

static void on_list(void *ud, const struct kube_answer *answer)
{
	struct kube_answer result = *answer;
	struct watch *w = ud;
	struct err e = {0};

	w->call = NULL;
	if (!result.error && take_page(w, answer->body, &e) < 0)
		result.error = e.msg;
	if (result.error) {
		on_failure(w, &result);
		return;
	}
	set_works(w);
	if (!*w->next_page)
		finish_list(w);
	begin(w);
}

static char *next_query(const struct watch *w)
{
	if (w->phase == PHASE_STREAM_LIST)
		return watch_query_stream_list(w->path, w->selectors);
	if (w->phase == PHASE_WATCH)
		return watch_query_resume(w->path, w->selectors, w->version);
	return w->pages_expire
		       ? watch_query_all(w->path, w->selectors)
		       : watch_query_page(w->path, w->selectors, w->page_items, w->next_page);
}

static void begin(void *ud)
{
	struct watch *w = ud;
	CLEANUP_FREE char *path = next_query(w);
	struct kube_request request = {
		.method = "GET", .path = path, .silence = w->silence, .ud = w};

	w->opened_at = 0;
	if (w->phase == PHASE_LIST) {
		request.timeout = LIST_TIMEOUT;
		request.done = on_list;
	} else {
		request.on_open = on_open;
		request.on_line = on_line;
		request.done = on_stream_end;
	}
	w->call = kube_start(w->kube, &request);
}

int watch_new(struct watch **ret, sd_event *loop, struct kube *kube, const struct watch_spec *spec,
	const struct watch_ops *ops, void *ud, struct err *e)
{
	CLEANUP(watch_freep) struct watch *w = xnew0(struct watch);
	int r;

	w->loop = sd_event_ref(loop);
	w->kube = kube;
	w->ops = *ops;
	w->ud = ud;
	w->api_version = xstrdup(spec->api_version);
	w->kind = xstrdup(spec->kind);
	w->path = xstrdup(spec->path);
	w->selectors = xstrdup(spec->selectors);
	w->silence = spec->silence;
	w->version = xstrdup("");
	w->page_items = WATCH_PAGE_ITEMS;
	w->backoff = (struct backoff){.min = RETRY_MIN, .max = RETRY_MAX};
	w->known = known_new();
	r = loop_timer_new(&w->retry_timer, loop, begin, w, e);
	if (r < 0)
		return r;
	begin_list(w);
	begin(w);
	*ret = steal(w);
	return 0;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	kube_cancel(w->call);
	sd_event_source_disable_unref(w->retry_timer);
	known_free(w->known);
	free(w->api_version);
	free(w->kind);
	free(w->path);
	free(w->selectors);
	free(w->version);
	free(w->next_page);
	sd_event_unref(w->loop);
	free(w);
	return NULL;
}

void watch_relist(struct watch *w)
{
	w->call = kube_cancel(w->call);
	begin_list(w);
	/* A server that cannot answer now, or asked us to wait, is left alone until then. */
	if (!loop_timer_armed(w->retry_timer))
		begin(w);
}

void watch_wake(struct watch *w)
{
	if (w->lost_since && w->lost_status == 0 && loop_timer_armed(w->retry_timer))
		loop_timer_arm(w->retry_timer, 0);
}

uint64_t watch_lost_since(const struct watch *w)
{
	return w->lost_since;
}
