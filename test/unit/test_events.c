/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "own_clock.h"
#include "publish/events.h"

/* An API server that answers when a test says so, in place of the one in controller/kube. */

struct kube_call {
	struct kube *server;
	char *line; /* "METHOD PATH TYPE" */
	json_t *body;
	void (*done)(void *ud, const struct kube_answer *answer);
	void *ud;
	struct kube_call *next;
};

struct kube {
	struct kube_call *calls; /* the oldest first */
	unsigned n_cancelled;
};

static void call_free(struct kube_call *c)
{
	free(c->line);
	json_decref(c->body);
	free(c);
}

struct kube_call *kube_start(struct kube *k, const struct kube_request *r)
{
	struct kube_call *c = xnew0(struct kube_call), **at = &k->calls;

	c->server = k;
	c->line = xasprintf(
		"%s %s%s%s", r->method, r->path, r->type ? " " : "", r->type ? r->type : "");
	c->body = json_deep_copy(r->body);
	c->done = r->done;
	c->ud = r->ud;
	while (*at)
		at = &(*at)->next;
	*at = c;
	return c;
}

struct kube_call *kube_cancel(struct kube_call *c)
{
	struct kube_call **at;

	if (!c)
		return NULL;
	c->server->n_cancelled++;
	at = &c->server->calls;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	call_free(c);
	return NULL;
}

char *kube_escape(const char *text)
{
	return xstrdup(text);
}

struct desk {
	sd_event *loop;
	struct kube kube;
	struct events *events;
};

static void on_stop(void *ud)
{
	(void)ud;
}

static void desk_init(struct desk *d)
{
	struct err e = {0};

	*d = (struct desk){0};
	own_clock_begin();
	assert_int_equal(loop_new(&d->loop, on_stop, NULL, &e), 0);
	assert_int_equal(events_new(&d->events, d->loop, &d->kube, "kago-a", &e), 0);
}

static void desk_done(struct desk *d)
{
	events_free(d->events);
	assert_null(d->kube.calls);
	sd_event_unref(d->loop);
}

static void send_about(struct desk *d, const char *name, const char *note)
{
	events_send(d->events, &(struct events_subject){"shop", name, "f00d", "41"}, true,
		"NoEndpoints", note);
}

static size_t n_calls(const struct desk *d)
{
	size_t n = 0;

	for (const struct kube_call *c = d->kube.calls; c; c = c->next)
		n++;
	return n;
}

/* The oldest call gets this answer. */
static void answer(struct desk *d, int status, const char *error, uint64_t retry_after)
{
	struct kube_call *c = d->kube.calls;

	assert_non_null(c);
	d->kube.calls = c->next;
	c->done(c->ud, &(struct kube_answer){
			       .status = status, .error = error, .retry_after = retry_after});
	call_free(c);
}

/* Lets the loop run until there is a call, at most five seconds. */
static void await_call(struct desk *d)
{
	for (unsigned i = 0; i < 500 && !d->kube.calls; i++)
		own_clock_pass(d->loop, 10000);
	assert_non_null(d->kube.calls);
}

static const char *member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_an_event_is_posted_as_the_api_server_wants_it(void **state)
{
	struct desk d;
	const json_t *body, *about;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "10.1.1.1: no endpoints");
	assert_int_equal(n_calls(&d), 1);
	assert_string_equal(d.kube.calls->line, "POST /api/v1/namespaces/shop/events");
	body = d.kube.calls->body;
	assert_string_equal(member(body, "kind"), "Event");
	assert_string_equal(member(body, "type"), "Warning");
	assert_string_equal(member(body, "reason"), "NoEndpoints");
	assert_string_equal(member(body, "message"), "10.1.1.1: no endpoints");
	assert_string_equal(member(body, "reportingComponent"), "kago.dev/controller");
	assert_string_equal(member(body, "reportingInstance"), "kago-a");
	assert_string_equal(
		member(json_object_get(body, "source"), "component"), "kago-controller");
	assert_string_equal(member(json_object_get(body, "metadata"), "namespace"), "shop");
	assert_memory_equal(member(json_object_get(body, "metadata"), "name"), "web.", 4);
	assert_int_equal(json_integer_value(json_object_get(body, "count")), 1);
	assert_string_equal(member(body, "firstTimestamp"), member(body, "lastTimestamp"));
	about = json_object_get(body, "involvedObject");
	assert_string_equal(member(about, "kind"), "Service");
	assert_string_equal(member(about, "name"), "web");
	assert_string_equal(member(about, "namespace"), "shop");
	assert_string_equal(member(about, "uid"), "f00d");
	assert_string_equal(member(about, "resourceVersion"), "41");
	answer(&d, 201, NULL, 0);
	assert_int_equal(events_stats(d.events).sent, 1);
	desk_done(&d);
}

static void test_what_happens_again_changes_the_event(void **state)
{
	CLEANUP_FREE char *line = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	line = xasprintf("PATCH /api/v1/namespaces/shop/events/%s application/merge-patch+json",
		member(json_object_get(d.kube.calls->body, "metadata"), "name"));
	answer(&d, 201, NULL, 0);
	send_about(&d, "web", "none any more");
	assert_null(d.kube.calls);
	await_call(&d);
	assert_string_equal(d.kube.calls->line, line);
	assert_int_equal(json_object_size(d.kube.calls->body), 4);
	assert_string_equal(member(d.kube.calls->body, "message"), "none any more");
	assert_string_equal(member(d.kube.calls->body, "type"), "Warning");
	assert_int_equal(json_integer_value(json_object_get(d.kube.calls->body, "count")), 2);
	assert_non_null(member(d.kube.calls->body, "lastTimestamp"));
	answer(&d, 200, NULL, 0);
	desk_done(&d);
}

static void test_an_event_that_is_gone_is_posted_anew(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	answer(&d, 201, NULL, 0);
	send_about(&d, "web", "none");
	await_call(&d);
	answer(&d, 404, "not found", 0);
	await_call(&d);
	assert_string_equal(d.kube.calls->line, "POST /api/v1/namespaces/shop/events");
	answer(&d, 201, NULL, 0);
	assert_int_equal(events_stats(d.events).failed, 0);
	desk_done(&d);
}

static void test_a_server_that_is_busy_is_left_alone_for_a_while(void **state)
{
	struct desk d;
	uint64_t before;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	before = loop_clock();
	answer(&d, 429, "too many requests", 1500000);
	assert_string_equal(events_problem(d.events), "too many requests");
	send_about(&d, "other", "none");
	assert_int_equal(n_calls(&d), 0);
	assert_int_equal(events_stats(d.events).waiting, 2);
	await_call(&d);
	assert_true(loop_clock() - before >= 1500000);
	answer(&d, 201, NULL, 0);
	await_call(&d);
	answer(&d, 201, NULL, 0);
	assert_int_equal(events_stats(d.events).failed, 1);
	assert_int_equal(events_stats(d.events).dropped, 0);
	assert_null(events_problem(d.events));
	desk_done(&d);
}

/* The first answer was lost; the object is there. */
static void test_an_event_that_exists_already_is_changed(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	answer(&d, 0, "connection reset", 0);
	send_about(&d, "web", "none any more");
	await_call(&d);
	answer(&d, 409, "already exists", 0);
	await_call(&d);
	assert_memory_equal(d.kube.calls->line, "PATCH ", 6);
	assert_string_equal(member(d.kube.calls->body, "message"), "none any more");
	answer(&d, 200, NULL, 0);
	assert_int_equal(events_stats(d.events).sent, 1);
	assert_int_equal(events_stats(d.events).failed, 1);
	desk_done(&d);
}

static void test_a_token_that_was_rotated_loses_no_event(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	answer(&d, 401, "Unauthorized", 0);
	await_call(&d);
	answer(&d, 201, NULL, 0);
	assert_int_equal(events_stats(d.events).sent, 1);
	desk_done(&d);
}

static void test_what_is_refused_is_dropped(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "web", "none");
	answer(&d, 403, "events is forbidden", 0);
	assert_int_equal(n_calls(&d), 0);
	assert_int_equal(events_stats(d.events).failed, 1);
	assert_int_equal(events_stats(d.events).dropped, 1);
	assert_string_equal(events_problem(d.events), "events is forbidden");
	desk_done(&d);
}

static void test_one_call_is_under_way_at_a_time_and_ends_with_the_owner(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	send_about(&d, "a", "none");
	send_about(&d, "b", "none");
	assert_int_equal(n_calls(&d), 1);
	answer(&d, 201, NULL, 0);
	await_call(&d);
	desk_done(&d);
	assert_int_equal(d.kube.n_cancelled, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_posted_as_the_api_server_wants_it),
		cmocka_unit_test(test_what_happens_again_changes_the_event),
		cmocka_unit_test(test_an_event_that_is_gone_is_posted_anew),
		cmocka_unit_test(test_a_server_that_is_busy_is_left_alone_for_a_while),
		cmocka_unit_test(test_an_event_that_exists_already_is_changed),
		cmocka_unit_test(test_a_token_that_was_rotated_loses_no_event),
		cmocka_unit_test(test_what_is_refused_is_dropped),
		cmocka_unit_test(test_one_call_is_under_way_at_a_time_and_ends_with_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
