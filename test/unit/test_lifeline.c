/* SPDX-License-Identifier: Apache-2.0 */
#include "lifeline.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"
#include "base/limits.h"
#include "control/control.h"
#include "loop/loop.h"

enum { PATIENCE = 20 * 1000 * 1000 };

/* A sidecar's end, and what a controller says. */
struct fixture {
	sd_event *loop;
	struct control_server *server;
	struct control_conn *sidecar; /* as the controller has it */
	struct lifeline *lifeline;
	char name[64];
	unsigned n_lists, n_ready, n_lost;
	char members[256];
	json_t *report; /* the last that the controller has */
};

static void ignore(void *ud)
{
	(void)ud;
}

static void on_ready(void *ud)
{
	((struct fixture *)ud)->n_ready++;
}

static void on_members(void *ud, const struct ipaddr addrs[], size_t n_addrs)
{
	struct fixture *f = ud;
	char text[IPADDR_TEXT];

	f->n_lists++;
	f->members[0] = '\0';
	for (size_t i = 0; i < n_addrs; i++)
		snprintf(f->members + strlen(f->members), sizeof f->members - strlen(f->members),
			"%s%s", i ? " " : "", ipaddr_format(text, &addrs[i]));
}

static void on_lost(void *ud)
{
	((struct fixture *)ud)->n_lost++;
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	struct fixture *f = ud;

	f->sidecar = c;
	json_decref(f->report);
	f->report = json_incref(msg);
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

static void start(struct fixture *f, const struct lifeline_ops *ops)
{
	static const struct control_ops control_ops = {
		.on_message = on_message, .on_close = on_close};
	uint64_t end = loop_clock() + PATIENCE;
	struct err e = {0};

	*f = (struct fixture){0};
	snprintf(f->name, sizeof f->name, "kago-test-lifeline-%d", getpid());
	assert_int_equal(loop_new(&f->loop, ignore, NULL, &e), 0);
	assert_int_equal(control_listen(&f->server, f->loop, f->name, &control_ops, f, &e), 0);
	assert_int_equal(lifeline_open(&f->lifeline, f->loop, f->name, ops, f, &e), 0);
	while (!f->sidecar)
		turn(f, end);
}

/* Until all that was said before has been heard. */
static void say(struct fixture *f, json_t *msg)
{
	uint64_t end = loop_clock() + PATIENCE;
	unsigned before = f->n_ready;

	control_send(f->sidecar, msg);
	control_send(f->sidecar, json_pack("{ss sb}", "type", "state", "ready", 1));
	while (f->n_ready == before)
		turn(f, end);
}

static void say_text(struct fixture *f, const char *text)
{
	say(f, json_loads(text, 0, NULL));
}

static void finish(struct fixture *f)
{
	lifeline_close(f->lifeline);
	control_server_free(f->server);
	json_decref(f->report);
	sd_event_unref(f->loop);
}

static const struct lifeline_ops all = {
	.on_ready = on_ready, .on_lost = on_lost, .on_members = on_members};

static void test_it_hears_of_members(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, &all);
	say_text(&f, "{\"type\":\"members\",\"addresses\":[\"172.16.1.11\",\"fd00::1\"]}");
	assert_string_equal(f.members, "172.16.1.11 fd00::1");
	say_text(&f, "{\"type\":\"members\",\"addresses\":[]}");
	assert_string_equal(f.members, "");
	assert_int_equal(f.n_lists, 2);
	finish(&f);
}

/* A list that lacks somebody would be worse than the one before. */
static void test_a_list_with_something_else_in_it_is_none(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, &all);
	say_text(&f, "{\"type\":\"members\",\"addresses\":[\"172.16.1.11\",\"172.16.1\"]}");
	say_text(&f, "{\"type\":\"members\",\"addresses\":[\"172.16.1.11\",7]}");
	say_text(&f, "{\"type\":\"members\",\"addresses\":{}}");
	say_text(&f, "{\"type\":\"members\"}");
	assert_int_equal(f.n_lists, 0);
	finish(&f);
}

static void test_the_list_has_a_ceiling(void **state)
{
	json_t *list = json_array();
	struct fixture f;

	(void)state;
	start(&f, &all);
	for (size_t i = 0; i < LIMIT_MEMBERS + 1; i++)
		json_array_append_new(list, json_string("172.16.1.11"));
	say(&f, json_pack("{ss sO}", "type", "members", "addresses", list));
	assert_int_equal(f.n_lists, 0);
	json_array_remove(list, 0);
	say(&f, json_pack("{ss so}", "type", "members", "addresses", list));
	assert_int_equal(f.n_lists, 1);
	finish(&f);
}

static void test_it_may_be_of_no_interest(void **state)
{
	static const struct lifeline_ops few = {.on_ready = on_ready, .on_lost = ignore};
	struct fixture f;

	(void)state;
	start(&f, &few);
	say_text(&f, "{\"type\":\"members\",\"addresses\":[\"172.16.1.11\"]}");
	finish(&f);
}

static void test_each_word_is_a_sign_of_life_and_one_is_of_keepalived(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, &all);
	assert_true(lifeline_facts(f.lifeline).is_connected);
	assert_int_equal(lifeline_facts(f.lifeline).n_words, 0);
	say_text(&f, "{\"type\":\"of another version\"}");
	assert_int_equal(lifeline_facts(f.lifeline).n_words, 2); /* with what say() says */
	assert_false(lifeline_facts(f.lifeline).pulses);
	say_text(&f, "{\"type\":\"alive\",\"keepalived\":false}");
	assert_true(lifeline_facts(f.lifeline).pulses);
	assert_true(lifeline_facts(f.lifeline).lacks_keepalived);
	say_text(&f, "{\"type\":\"alive\",\"keepalived\":true}");
	assert_false(lifeline_facts(f.lifeline).lacks_keepalived);
	finish(&f);
}

static void test_nothing_is_known_of_a_controller_that_is_away(void **state)
{
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f, &all);
	say_text(&f, "{\"type\":\"alive\",\"keepalived\":false}");
	f.server = control_server_free(f.server);
	while (f.n_lost == 0)
		turn(&f, end);
	assert_false(lifeline_facts(f.lifeline).is_connected);
	assert_false(lifeline_facts(f.lifeline).pulses);
	assert_false(lifeline_facts(f.lifeline).lacks_keepalived);
	finish(&f);
}

static void test_a_report_says_why_nothing_is_announced(void **state)
{
	struct prefixes nothing = {0};
	struct lifeline_report r = {.announced = &nothing, .suspended = "keepalived does not run"};
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f, &all);
	lifeline_report(f.lifeline, &r);
	while (!json_object_get(f.report, "suspended"))
		turn(&f, end);
	assert_string_equal(json_string_value(json_object_get(f.report, "suspended")),
		"keepalived does not run");
	r.suspended = NULL;
	lifeline_report(f.lifeline, &r);
	while (json_object_get(f.report, "suspended"))
		turn(&f, end);
	finish(&f);
}

static json_int_t exec_pending(const struct fixture *f)
{
	return json_integer_value(json_object_get(json_object_get(f->report, "exec"), "pending"));
}

static void test_a_report_says_what_a_program_has_yet_to_do(void **state)
{
	struct prefixes nothing = {0};
	struct lifeline_report r = {.announced = &nothing};
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f, &all);
	for (json_int_t n = 1; n < 3; n++) {
		r.exec = json_pack("{sI}", "pending", n);
		lifeline_report(f.lifeline, &r);
		while (exec_pending(&f) != n)
			turn(&f, end);
	}
	finish(&f);
}

static void test_a_report_says_what_of_the_configuration_is_not_in_use(void **state)
{
	struct prefixes nothing = {0};
	struct lifeline_report r = {
		.announced = &nothing, .config = json_pack("{sb}", "refused", 1)};
	uint64_t end = loop_clock() + PATIENCE;
	struct fixture f;

	(void)state;
	start(&f, &all);
	lifeline_report(f.lifeline, &r);
	while (!json_object_get(f.report, "config"))
		turn(&f, end);
	assert_true(json_is_true(json_object_get(json_object_get(f.report, "config"), "refused")));
	r.config = NULL;
	lifeline_report(f.lifeline, &r);
	while (json_object_get(f.report, "config"))
		turn(&f, end);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_hears_of_members),
		cmocka_unit_test(test_a_list_with_something_else_in_it_is_none),
		cmocka_unit_test(test_the_list_has_a_ceiling),
		cmocka_unit_test(test_it_may_be_of_no_interest),
		cmocka_unit_test(test_each_word_is_a_sign_of_life_and_one_is_of_keepalived),
		cmocka_unit_test(test_nothing_is_known_of_a_controller_that_is_away),
		cmocka_unit_test(test_a_report_says_why_nothing_is_announced),
		cmocka_unit_test(test_a_report_says_what_a_program_has_yet_to_do),
		cmocka_unit_test(test_a_report_says_what_of_the_configuration_is_not_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
