/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/upkeep.h"

#include <signal.h>

#include "misbehaving.h"

#define REFUSE_UDP "on_test() { grep -q 'protocol UDP' \"$1\" || return 0; echo no udp; exit 4; }\n"
#define END_WITH_B                                                                                 \
	"on_start() { ! grep -q '10.1.1.2 80' \"$1\" || exit 1; }\n"                               \
	"on_reload() { on_start \"$1\"; }\n"

static void a_decision_ends_in_the_file_and_keepalived_is_told(void **state)
{
	struct fixture *f = *state;

	launch(f, false);
	assert_true(status(f).is_idle);
	want(f, "ab");
	await_file(f, "ab");
	want(f, "abc");
	await_file(f, "abc");
	assert_int_equal(calls(f, "start"), 1);
	assert_int_equal(calls(f, "reload"), 1);
	assert_int_equal(calls(f, "test"), 1);
	assert_int_equal(status(f).n_files, 2);
	assert_int_equal(status(f).n_config_tests, 1);
	assert_int_equal(f->n_touched, 3);
	assert_string_equal(status(f).state, "idle");
	assert_true(status(f).up);
}

static void what_changes_nothing_for_keepalived_is_not_written(void **state)
{
	struct fixture *f = *state;

	launch(f, false);
	want(f, "ab");
	await_file(f, "ab");
	want(f, "ab");
	AWAIT(f, status(f).is_idle);
	assert_int_equal(status(f).n_files, 1);
	assert_int_equal(calls(f, "reload"), 0);
}

/* What on_start has written to a file of the folder. */
static pid_t pid_in(const struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = in_folder(f, name), *text = NULL;
	struct err e = {0};
	size_t len;

	assert_int_equal(fs_read(&text, &len, path, 32, &e), 0);
	return (pid_t)strtoll(text, NULL, 10);
}

static void keepalived_is_lacked_once_it_should_run(void **state)
{
	struct fixture *f = *state;

	launch(f, false);
	assert_false(upkeep_lacks_keepalived(f->upkeep));
	behave(f, "on_start() { exit 1; }");
	want(f, "a");
	AWAIT(f, upkeep_lacks_keepalived(f->upkeep));
	behave(f, "");
	AWAIT(f, status(f).up);
	assert_false(upkeep_lacks_keepalived(f->upkeep));
}

static void keepalived_may_take_its_time_for_a_file(void **state)
{
	struct fixture *f = *state;

	f->config.keepalived.verify_timeout = A_MINUTE / 2;
	behave(f, "on_start() { false; }");
	launch(f, false);
	want(f, "a");
	AWAIT(f, calls(f, "start") == 1);
	assert_false(status(f).up);
	assert_false(upkeep_lacks_keepalived(f->upkeep));
	f->config.keepalived.verify_timeout = 0;
	AWAIT(f, upkeep_lacks_keepalived(f->upkeep));
}

/* Nothing changes, so nothing else would tell. */
static void assert_anew_after_a_stop_of(struct fixture *f, const char *pid_file)
{
	behave(f, "on_start() { echo $$ >$dir/state/pid; sleep 600 & echo $! "
		  ">$dir/state/checkers.pid; }");
	launch(f, false);
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(kill(pid_in(f, pid_file), SIGSTOP), 0);
	AWAIT(f, status(f).n_starts == 2 && status(f).up);
	assert_int_equal(calls(f, "start"), 2);
	assert_int_equal(status(f).n_refused, 0);
	assert_true(status(f).is_idle);
}

static void a_keepalived_that_was_stopped_is_started_anew(void **state)
{
	assert_anew_after_a_stop_of(*state, "state/pid");
}

static void one_whose_checks_were_stopped_is_started_anew(void **state)
{
	assert_anew_after_a_stop_of(*state, "state/checkers.pid");
}

static void one_that_goes_on_is_left_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t until = loop_clock() + 3 * 2 * 1000 * 1000;

	behave(f, "on_start() { echo $$ >$dir/state/pid; }");
	launch(f, false);
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(kill(pid_in(f, "state/pid"), SIGSTOP), 0);
	assert_int_equal(kill(pid_in(f, "state/pid"), SIGCONT), 0);
	while (loop_clock() < until)
		turn(f);
	assert_int_equal(status(f).n_starts, 1);
}

static void without_keepalived_the_file_is_all(void **state)
{
	struct fixture *f = *state;

	launch(f, true);
	want(f, "aB");
	await_file(f, "aB");
	assert_int_equal(status(f).n_config_tests, 0);
	assert_int_equal(calls(f, ""), 0);
	assert_false(status(f).up);
}

/* The newest decision stays pending and is tried again, and nobody is refused. */
static void assert_told_nothing(struct fixture *f, const char *functions, const char *why)
{
	behave(f, functions);
	launch(f, false);
	want(f, "a");
	AWAIT(f, status(f).n_unknown >= 1);
	assert_string_equal(status(f).unknown, why);
	assert_string_equal(status(f).refusal, "");
	assert_string_equal(status(f).state, "pausing");
	assert_false(status(f).is_idle);
	assert_string_equal(in_file(f), "no file");
	want(f, "ab");
	AWAIT(f, status(f).n_unknown >= 2);
	config_test_time = CONFIGTEST_TIMEOUT;
	behave(f, "");
	await_file(f, "ab");
	assert_string_equal(status(f).unknown, "");
	assert_int_equal(status(f).n_refused, 0);
	assert_null(complaint(f, 'a'));
}

static void a_test_that_is_killed_tells_nothing(void **state)
{
	assert_told_nothing(*state, "on_test() { kill -KILL $$; }", "signal 9 (Killed)");
}

static void a_test_that_cannot_start_tells_nothing(void **state)
{
	assert_told_nothing(*state, "on_test() { exit 127; }", "exit status 127");
}

static void a_test_that_fails_for_its_own_reasons_tells_nothing(void **state)
{
	assert_told_nothing(*state, "on_test() { echo no memory; exit 1; }", "no memory");
}

static void a_test_that_hangs_tells_nothing(void **state)
{
	config_test_time = 300 * 1000;
	assert_told_nothing(*state, "on_test() { sleep 60; }", "the test did not end in time");
}

static void a_refused_shape_is_left_out_alone(void **state)
{
	struct fixture *f = *state;

	behave(f, REFUSE_UDP);
	launch(f, false);
	want(f, "aBcD");
	await_file(f, "ac");
	assert_string_equal(complaint(f, 'B'), "no udp");
	assert_string_equal(complaint(f, 'D'), "no udp");
	assert_null(complaint(f, 'a'));
	assert_string_equal(status(f).refusal, "");
	assert_int_equal(status(f).n_config_tests, 3);
	want(f, "aBcDe");
	await_file(f, "ace");
	assert_int_equal(status(f).n_config_tests, 3);
}

static void a_warning_refuses_nobody(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_test() { echo odd; exit 5; }");
	launch(f, false);
	want(f, "aB");
	await_file(f, "aB");
	assert_null(complaint(f, 'a'));
}

static void a_whole_file_that_is_refused_waits_for_the_next_change(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_test() { [[ $1 = *test.conf ]] || { echo no; exit 4; }; }");
	launch_own_template(f);
	want(f, "a");
	AWAIT(f, status(f).n_refused >= 1);
	assert_string_equal(status(f).refusal, "no");
	assert_string_equal(status(f).unknown, "");
	assert_true(status(f).is_idle);
	assert_string_equal(in_file(f), "no file");
	behave(f, "");
	want(f, "ab");
	await_file(f, "ab");
	assert_string_equal(status(f).refusal, "");
	assert_int_equal(status(f).n_refused, 1);
}

static void a_whole_file_of_which_nothing_is_known_is_tried_again(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_test() { [[ $1 = *test.conf ]] || kill -KILL $$; }");
	launch_own_template(f);
	want(f, "a");
	AWAIT(f, status(f).n_unknown >= 1);
	assert_string_equal(status(f).unknown, "signal 9 (Killed)");
	behave(f, "");
	await_file(f, "a");
	assert_int_equal(status(f).n_refused, 0);
}

/* What would be written there cannot be while a folder is in its place. */
static void assert_written_later(struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = in_folder(f, name);

	launch(f, false);
	assert_int_equal(mkdir(path, 0755), 0);
	want(f, "a");
	AWAIT(f, status(f).n_unknown >= 1);
	assert_non_null(strstr(status(f).unknown, "Is a directory"));
	assert_string_equal(status(f).refusal, "");
	assert_int_equal(status(f).n_files, 0);
	assert_int_equal(rmdir(path), 0);
	await_file(f, "a");
	assert_int_equal(status(f).n_refused, 0);
	assert_string_equal(status(f).unknown, "");
}

static void an_example_that_cannot_be_written_is_written_later(void **state)
{
	assert_written_later(*state, "state/keepalived.test.conf");
}

static void a_draft_that_cannot_be_written_is_written_later(void **state)
{
	assert_written_later(*state, "state/keepalived.next.conf");
}

static void a_file_that_cannot_be_put_in_place_is_later(void **state)
{
	assert_written_later(*state, "state/keepalived.conf");
}

static void the_newest_decision_ends_in_the_file(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_test() { sleep 0.2; }");
	launch(f, false);
	want(f, "a");
	AWAIT(f, strcmp(status(f).state, "vetting") == 0);
	want(f, "ab");
	want(f, "abc");
	await_file(f, "abc");
	assert_int_equal(status(f).n_files, 2);
	assert_int_equal(calls(f, "reload"), 1);
}

static void a_keepalived_that_ends_once_gets_its_file_again(void **state)
{
	struct fixture *f = *state;

	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	behave(f, "on_reload() { exit 1; }");
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(status(f).n_starts, 2);
	assert_int_equal(status(f).n_refused, 0);
	assert_int_equal(status(f).n_held_back, 0);
}

static void a_file_that_ends_keepalived_is_taken_back(void **state)
{
	struct fixture *f = *state;

	behave(f, END_WITH_B);
	launch(f, false);
	want(f, "ab");
	await_file(f, "");
	assert_int_equal(status(f).n_refused, 1);
	assert_int_equal(status(f).n_held_back, 2);
	assert_non_null(complaint(f, 'b'));
	want(f, "abc");
	await_file(f, "c");
	assert_int_equal(status(f).n_held_back, 2);
}

/* Until it has run for a minute without an end. */
static void await_good(const struct fixture *f, const char *letters)
{
	await_file(f, letters);
	pass_time(f);
}

static void only_what_is_new_is_held_back(void **state)
{
	struct fixture *f = *state;

	behave(f, END_WITH_B);
	launch(f, false);
	want(f, "a");
	await_good(f, "a");
	want(f, "ab");
	await_file(f, "a");
	assert_int_equal(status(f).n_held_back, 1);
	assert_null(complaint(f, 'a'));
	want(f, "abc");
	await_file(f, "ac");
	behave(f, "");
	want(f, "ab+c");
	await_file(f, "abc");
}

static void suspects_are_tried_until_only_the_culprit_is_held_back(void **state)
{
	struct fixture *f = *state;

	behave(f, END_WITH_B);
	launch(f, false);
	want(f, "a");
	await_good(f, "a");
	want(f, "abc");
	await_good(f, "a");
	assert_int_equal(status(f).n_held_back, 2);
	pass_time(f); /* b is on trial */
	AWAIT(f, status(f).n_refused == 2);
	await_good(f, "a");
	pass_time(f); /* c is */
	await_good(f, "ac");
	assert_int_equal(status(f).n_held_back, 1);
	assert_non_null(complaint(f, 'b'));
	assert_null(complaint(f, 'c'));
}

/* Who is on trial may be wanted no more. */
static void a_trial_that_changes_nothing_ends_as_others_do(void **state)
{
	struct fixture *f = *state;

	behave(f, END_WITH_B);
	launch(f, false);
	want(f, "a");
	await_good(f, "a");
	want(f, "abc");
	await_good(f, "a");
	want(f, "ac");
	AWAIT(f, status(f).is_idle);
	pass_time(f); /* b is on trial */
	await_good(f, "a");
	assert_int_equal(status(f).n_held_back, 1);
	pass_time(f); /* c is */
	await_good(f, "ac");
	assert_int_equal(status(f).n_held_back, 0);
}

/* A cluster where something changes every second may have suspects, too. */
static void changes_do_not_put_off_what_time_proves(void **state)
{
	struct fixture *f = *state;

	behave(f, END_WITH_B);
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ac");
	await_file(f, "ac");
	want(f, "acd");
	await_file(f, "acd");
	assert_int_equal(parked[0].n_set, 1);
	pass_time(f);
	want(f, "abcd");
	await_file(f, "a");
	assert_int_equal(status(f).n_held_back, 3);
}

static void words_of_health_checks_are_passed_on(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_start() { echo 'Starting Healthcheck child process, pid=7'\n"
		  "echo 'Disabling service [172.16.0.1]:tcp:8080 of VS [10.1.1.1]:tcp:80'; }\n"
		  "on_reload() {\n"
		  "echo 'Enabling service [172.16.0.1]:tcp:8080 to VS [10.1.1.1]:tcp:80'\n"
		  "echo 'Removing service [172.16.0.1]:tcp:8080 from VS [10.1.1.1]:tcp:80'\n"
		  "echo 'Removing service [172.16.0.9]:tcp:8080 from VS [10.1.1.1]:tcp:80'; }\n");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	assert_int_equal(f->checks, 1);
	assert_int_equal(f->n_down, 1);
	assert_int_equal(f->n_up, 0);
	want(f, "ab");
	await_file(f, "ab");
	assert_int_equal(f->n_down, 2);
	assert_int_equal(f->n_up, 2);
}

static void without_keepalived_no_checks_are_made(void **state)
{
	struct fixture *f = *state;

	behave(f, "on_start() { echo 'Starting Healthcheck child process, pid=7'; }\n"
		  "on_reload() { exit 1; }");
	launch(f, false);
	want(f, "a");
	await_file(f, "a");
	want(f, "ab");
	AWAIT(f, f->checks == 0);
	await_file(f, "ab");
	assert_int_equal(f->checks, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_decision_ends_in_the_file_and_keepalived_is_told),
		TEST(what_changes_nothing_for_keepalived_is_not_written),
		TEST(keepalived_is_lacked_once_it_should_run),
		TEST(keepalived_may_take_its_time_for_a_file),
		TEST(a_keepalived_that_was_stopped_is_started_anew),
		TEST(one_whose_checks_were_stopped_is_started_anew),
		TEST(one_that_goes_on_is_left_alone),
		TEST(without_keepalived_the_file_is_all),
		TEST(a_test_that_is_killed_tells_nothing),
		TEST(a_test_that_cannot_start_tells_nothing),
		TEST(a_test_that_fails_for_its_own_reasons_tells_nothing),
		TEST(a_test_that_hangs_tells_nothing),
		TEST(a_refused_shape_is_left_out_alone),
		TEST(a_warning_refuses_nobody),
		TEST(a_whole_file_that_is_refused_waits_for_the_next_change),
		TEST(a_whole_file_of_which_nothing_is_known_is_tried_again),
		TEST(an_example_that_cannot_be_written_is_written_later),
		TEST(a_draft_that_cannot_be_written_is_written_later),
		TEST(a_file_that_cannot_be_put_in_place_is_later),
		TEST(the_newest_decision_ends_in_the_file),
		TEST(a_keepalived_that_ends_once_gets_its_file_again),
		TEST(a_file_that_ends_keepalived_is_taken_back),
		TEST(only_what_is_new_is_held_back),
		TEST(suspects_are_tried_until_only_the_culprit_is_held_back),
		TEST(a_trial_that_changes_nothing_ends_as_others_do),
		TEST(changes_do_not_put_off_what_time_proves),
		TEST(words_of_health_checks_are_passed_on),
		TEST(without_keepalived_no_checks_are_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
