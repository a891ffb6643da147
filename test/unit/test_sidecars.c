/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sidecars.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "loop/control.h"
#include "loop/loop.h"

enum { PATIENCE = 20 * 1000 * 1000 };

/* A controller's end, and one sidecar's. */
struct fixture {
	sd_event *loop;
	struct sidecars *sidecars;
	struct control_conn *sidecar;
	size_t n_reports;
	json_t *heard; /* the last message that the sidecar got */
};

static void ignore(void *ud)
{
	(void)ud;
}

static json_t *no_answer(void *ud)
{
	(void)ud;
	return json_object();
}

static json_t *no_story(void *ud, const char *ns, const char *name)
{
	(void)ns;
	(void)name;
	return no_answer(ud);
}

static void on_announced(void *ud)
{
	((struct fixture *)ud)->n_reports++;
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	struct fixture *f = ud;

	(void)c;
	json_decref(f->heard);
	f->heard = json_incref(msg);
}

static void on_close(struct control_conn *c, const char *why, void *ud)
{
	(void)c;
	(void)ud;
	fail_msg("closed: %s", why);
}

static void turn(struct fixture *f, uint64_t end)
{
	if (loop_clock() > end)
		fail_msg("it did not come about");
	assert_true(sd_event_run(f->loop, 10 * 1000) >= 0);
}

static void hear(struct fixture *f, const char *type)
{
	uint64_t end = loop_clock() + PATIENCE;

	while (!f->heard || strcmp(json_string_value(json_object_get(f->heard, "type")), type) != 0)
		turn(f, end);
}

static void start(struct fixture *f)
{
	static const struct sidecars_ops ops = {no_answer, no_story, on_announced, ignore};
	static const struct control_ops control_ops = {on_message, on_close};
	CLEANUP_FREE char *name = xasprintf("kago-test-sidecars-%d", getpid());
	struct err e = {0};

	*f = (struct fixture){0};
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	assert_int_equal(sidecars_new(&f->sidecars, f->loop, name, &ops, f, &e), 0);
	assert_int_equal(control_connect(&f->sidecar, f->loop, name, &control_ops, f, &e), 0);
	control_send(f->sidecar, json_pack("{ss}", "type", "sidecar"));
	hear(f, "state");
}

static void finish(struct fixture *f)
{
	control_close(f->sidecar);
	sidecars_free(f->sidecars);
	json_decref(f->heard);
	sd_event_unref(f->loop);
}

/* What the controller takes for announced after a message of the sidecar, "a b c". */
static void assert_announced(struct fixture *f, const char *message, const char *expected)
{
	json_error_t why;
	uint64_t end = loop_clock() + PATIENCE;
	size_t before = f->n_reports, i;
	char text[256] = "";
	const json_t *item;

	control_send(f->sidecar, json_loads(message, 0, &why));
	while (f->n_reports == before)
		turn(f, end);
	json_array_foreach(sidecars_state(f->sidecars)->announced, i, item)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
			json_string_value(item));
	assert_string_equal(text, expected);
}

static void test_changes_are_added_to_what_was_announced(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_announced(&f,
		"{\"type\":\"announced\",\"prefixes\":[\"10.1.1.9/32\",\"10.1.1.10/32\"],"
		"\"complete\":true}",
		"10.1.1.9/32 10.1.1.10/32");
	assert_true(sidecars_state(f.sidecars)->complete);
	assert_announced(&f,
		"{\"type\":\"announced\",\"lost\":[\"10.1.1.9/32\",\"10.1.1.8/32\"],"
		"\"gained\":[\"fd00::1/128\",\"10.1.1.2/32\",\"10.1.1.10/32\"]}",
		"10.1.1.2/32 10.1.1.10/32 fd00::1/128");
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[]}", "");
	finish(&f);
}

static void test_sidecars_are_told_where_the_kernel_has_changed(void **state)
{
	struct place places[2];
	struct err e = {0};
	struct fixture f;
	const json_t *list;

	(void)state;
	start(&f);
	assert_int_equal(place_parse(&places[0], "10.1.1.1 port 80/tcp", &e), 0);
	assert_int_equal(place_parse(&places[1], "fd00::1 port 53/udp", &e), 0);
	sidecars_tell_changed(f.sidecars, places, 2);
	hear(&f, "changed");
	list = json_object_get(f.heard, "places");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 0)), "10.1.1.1 port 80/tcp");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "fd00::1 port 53/udp");
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_added_to_what_was_announced),
		cmocka_unit_test(test_sidecars_are_told_where_the_kernel_has_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
