/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/upkeep.h"

#include "misbehaving.h"

/* A keepalived that is told to read its file anew, and hears nothing or takes its time. */

#define SAY(text) "echo 'Sun Nov 29 17:19:23 2026: " text "'; "

static void a_deaf_keepalived_is_told_again(void **state)
{
	struct fixture *f = *state;

	f->config.keepalived.verify_timeout = 2000 * 1000;
	behave(f, "on_reload() { [ $(grep -c reload $dir/state/calls) -gt 1 ]; }");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(calls(f, "reload"), 2);
	assert_int_equal(status(f).n_starts, 1);
}

static void a_keepalived_that_stays_deaf_is_started_anew(void **state)
{
	struct fixture *f = *state;

	f->config.keepalived.verify_timeout = 300 * 1000;
	behave(f, "on_reload() { false; }");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ab");
	AWAIT(f, strcmp(in_file(f), "ab") == 0);
	assert_string_equal(status(f).state, "loading");
	await_file(f, "ab");
	assert_int_equal(calls(f, "reload"), 2);
	assert_int_equal(status(f).n_starts, 2);
	assert_int_equal(status(f).n_refused, 0);
}

static void a_keepalived_that_reads_slowly_is_told_once(void **state)
{
	struct fixture *f = *state;

	f->config.keepalived.verify_timeout = 300 * 1000;
	behave(f, "on_reload() { " SAY("Reloading ...") "sleep 1; }");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(calls(f, "reload"), 1);
	assert_int_equal(status(f).n_starts, 1);
}

/* It may read a file that is older than the one that is there. */
static void who_is_removed_by_a_file_is_not_down(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_reload() { " SAY("Reloading") SAY(
			  "Removing service [172.16.0.1]:tcp:8080 from VS [10.1.1.1]:tcp:80") "}");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(f->n_down, 0);
	assert_int_equal(f->n_up, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_deaf_keepalived_is_told_again),
		TEST(a_keepalived_that_stays_deaf_is_started_anew),
		TEST(a_keepalived_that_reads_slowly_is_told_once),
		TEST(who_is_removed_by_a_file_is_not_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
