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
#include "control/control.h"
#include "loop/loop.h"

enum { PATIENCE = 20 * 1000 * 1000 };

/* A controller's end, and one sidecar's. */
struct fixture {
	sd_event *loop;
	struct scribes *scribes;
	struct sidecars *sidecars;
	char *name; /* of the socket */
	struct control_conn *sidecar;
	size_t n_reports;
	json_t *heard;  /* the last message that anybody got */
	char order[64]; /* the first letters of the types of all messages */
	unsigned n_ended;
	unsigned n_alive; /* of those that say that the controller is */
	bool has_keepalived, hears_of_keepalived;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void status(void *ud, FILE *out)
{
	(void)ud;
	fputs("{\"type\":\"status\"}", out);
}

static json_t *explain(void *ud, const char *ns, const char *name, const struct listen *client)
{
	(void)ud;
	return json_pack("{ss, ss, ss, si}", "type", "explain", "of", ns, "named", name, "from",
		client->port);
}

static bool has_keepalived(void *ud)
{
	return ((struct fixture *)ud)->has_keepalived;
}

static void on_announced(void *ud)
{
	((struct fixture *)ud)->n_reports++;
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	struct fixture *f = ud;
	bool is_alive = strcmp(json_string_value(json_object_get(msg, "type")), "alive") == 0;

	(void)c;
	if (is_alive) {
		f->n_alive++;
		f->hears_of_keepalived = json_is_true(json_object_get(msg, "keepalived"));
		return;
	}
	json_decref(f->heard);
	f->heard = json_incref(msg);
	snprintf(f->order + strlen(f->order), sizeof f->order - strlen(f->order), "%.1s",
		json_string_value(json_object_get(msg, "type")));
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

static void connect_sidecar(struct fixture *f)
{
	static const struct control_ops control_ops = {
		.on_message = on_message, .on_close = on_close};
	struct err e = {0};

	assert_int_equal(control_connect(&f->sidecar, f->loop, f->name, &control_ops, f, &e), 0);
	control_send(f->sidecar, json_pack("{ss}", "type", "sidecar"));
}

static void start(struct fixture *f)
{
	static const struct sidecars_ops ops = {
		status, explain, has_keepalived, on_announced, ignore};
	struct err e = {0};

	*f = (struct fixture){0};
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	f->name = xasprintf("kago-test-sidecars-%d", getpid());
	f->scribes = scribes_new(f->loop);
	assert_int_equal(sidecars_new(&f->sidecars, f->loop, f->name, f->scribes, &ops, f, &e), 0);
	connect_sidecar(f);
	hear(f, "state");
}

static void finish(struct fixture *f)
{
	control_close(f->sidecar);
	sidecars_free(f->sidecars);
	scribes_free(f->scribes);
	free(f->name);
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

static void test_calls_of_a_program_are_known(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_announced(
		&f, "{\"type\":\"announced\",\"prefixes\":[],\"exec\":{\"failing\":2}}", "");
	assert_int_equal(
		json_integer_value(json_object_get(sidecars_state(f.sidecars)->exec, "failing")),
		2);
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[]}", "");
	assert_null(sidecars_state(f.sidecars)->exec);
	finish(&f);
}

static void test_what_of_the_configuration_is_not_in_use_is_known(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_announced(
		&f, "{\"type\":\"announced\",\"prefixes\":[],\"config\":{\"refused\":true}}", "");
	assert_true(json_is_true(json_object_get(sidecars_state(f.sidecars)->config, "refused")));
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[]}", "");
	assert_null(sidecars_state(f.sidecars)->config);
	finish(&f);
}

static void test_a_sidecar_may_wait_for_its_sockets(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[],\"waits\":true}", "");
	assert_true(sidecars_state(f.sidecars)->waits);
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[],\"waits\":false}", "");
	assert_false(sidecars_state(f.sidecars)->waits);
	finish(&f);
}

/* What says that all is ready comes behind what says all of routes. */
static void test_who_comes_is_told_of_routes_first(void **state)
{
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f);
	assert_string_equal(f.order, "rs");
	sidecars_set_ready(f.sidecars, true);
	while (strlen(f.order) < 4)
		turn(&f, end);
	assert_string_equal(f.order, "rsrs");
	finish(&f);
}

static void test_sidecars_hear_again_and_again_that_the_controller_is_alive(void **state)
{
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(f.n_alive, 1);
	assert_false(f.hears_of_keepalived);
	f.has_keepalived = true;
	while (f.n_alive < 3)
		turn(&f, end);
	assert_true(f.hears_of_keepalived);
	finish(&f);
}

static void test_a_sidecar_says_why_it_announces_nothing(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_announced(&f,
		"{\"type\":\"announced\",\"prefixes\":[],\"suspended\":\"keepalived does not "
		"run\"}",
		"");
	assert_string_equal(sidecars_state(f.sidecars)->suspended, "keepalived does not run");
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[]}", "");
	assert_null(sidecars_state(f.sidecars)->suspended);
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

/* Now and when they come; nodes are none, nor is a list without a pod one of load balancers. */
static void test_sidecars_are_told_who_the_load_balancers_are(void **state)
{
	struct member_address list[3] = {{.is_node = true}};
	uint64_t end = loop_clock() + PATIENCE;
	struct err e = {0};
	struct fixture f;
	const json_t *told;

	(void)state;
	start(&f);
	assert_int_equal(ipaddr_parse(&list[0].addr, "10.0.0.101", &e), 0);
	assert_int_equal(ipaddr_parse(&list[1].addr, "172.16.1.11", &e), 0);
	assert_int_equal(ipaddr_parse(&list[2].addr, "fd00::1", &e), 0);
	sidecars_tell_members(f.sidecars, list, 1);
	sidecars_tell_members(f.sidecars, list, 3);
	sidecars_tell_members(f.sidecars, list, 3);
	hear(&f, "members");
	told = json_object_get(f.heard, "addresses");
	assert_int_equal(json_array_size(told), 2);
	assert_string_equal(json_string_value(json_array_get(told, 0)), "172.16.1.11");
	assert_string_equal(json_string_value(json_array_get(told, 1)), "fd00::1");
	control_close(f.sidecar);
	connect_sidecar(&f);
	while (strlen(f.order) < 6)
		turn(&f, end);
	assert_string_equal(f.order, "rsmrsm");
	finish(&f);
}

/* With manifests. */
static void test_a_sidecar_may_be_told_that_it_is_alone(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	sidecars_tell_members(f.sidecars, NULL, 0);
	hear(&f, "members");
	assert_int_equal(json_array_size(json_object_get(f.heard, "addresses")), 0);
	finish(&f);
}

static void on_end(struct control_conn *c, const char *why, void *ud)
{
	struct fixture *f = ud;

	(void)c;
	(void)why;
	f->n_ended++;
}

/* What comes to somebody who asks: one message, and the end of the connection. */
static const json_t *ask(struct fixture *f, const char *question)
{
	static const struct control_ops ops = {.on_message = on_message, .on_close = on_end};
	uint64_t end = loop_clock() + PATIENCE;
	struct control_conn *c;
	struct err e = {0};

	f->n_ended = 0;
	assert_int_equal(control_connect(&c, f->loop, f->name, &ops, f, &e), 0);
	control_send(c, json_loads(question, 0, NULL));
	while (f->n_ended == 0)
		turn(f, end);
	return f->heard;
}

static const char *text_of(const json_t *message, const char *key)
{
	return json_string_value(json_object_get(message, key));
}

static void test_questions_are_answered_while_the_lifeline_stays(void **state)
{
	struct fixture f;
	const json_t *story;

	(void)state;
	start(&f);
	assert_string_equal(text_of(ask(&f, "{\"type\":\"status\"}"), "type"), "status");
	story = ask(&f, "{\"type\":\"explain\",\"namespace\":\"shop\",\"name\":\"web\"}");
	assert_string_equal(text_of(story, "of"), "shop");
	assert_string_equal(text_of(story, "named"), "web");
	assert_int_equal(json_integer_value(json_object_get(story, "from")), 0);
	story = ask(&f, "{\"type\":\"explain\",\"namespace\":\"shop\",\"name\":\"web\","
			"\"client\":\"[fd00::9]:4711\"}");
	assert_int_equal(json_integer_value(json_object_get(story, "from")), 4711);
	assert_int_equal(sidecars_count(f.sidecars), 1);
	finish(&f);
}

static void test_what_means_nothing_ends_the_connection_but_not_a_lifeline(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	ask(&f, "{\"type\":\"announced\",\"prefixes\":[\"10.1.1.1/32\"]}");
	ask(&f, "{\"type\":\"of another version\"}");
	control_send(f.sidecar, json_loads("{\"type\":\"of another version\"}", 0, NULL));
	control_send(f.sidecar, json_object());
	assert_announced(&f, "{\"type\":\"announced\",\"prefixes\":[]}", "");
	assert_int_equal(f.n_reports, 1);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_added_to_what_was_announced),
		cmocka_unit_test(test_questions_are_answered_while_the_lifeline_stays),
		cmocka_unit_test(test_what_means_nothing_ends_the_connection_but_not_a_lifeline),
		cmocka_unit_test(test_calls_of_a_program_are_known),
		cmocka_unit_test(test_what_of_the_configuration_is_not_in_use_is_known),
		cmocka_unit_test(test_a_sidecar_may_wait_for_its_sockets),
		cmocka_unit_test(test_who_comes_is_told_of_routes_first),
		cmocka_unit_test(test_sidecars_hear_again_and_again_that_the_controller_is_alive),
		cmocka_unit_test(test_a_sidecar_says_why_it_announces_nothing),
		cmocka_unit_test(test_sidecars_are_told_where_the_kernel_has_changed),
		cmocka_unit_test(test_sidecars_are_told_who_the_load_balancers_are),
		cmocka_unit_test(test_a_sidecar_may_be_told_that_it_is_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
