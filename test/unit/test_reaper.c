/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/reaper.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/apart.h"
#include "base/str.h"
#include "loop/child.h"
#include "loop/loop.h"

enum { TURN = 20 * 1000, TURNS = 500, ROUNDS = 20 };

/* Leaves 20 orphans behind, which end while others do and are in no group of ours. */
#define ORPHANS                                                                                    \
	"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "                         \
	"setsid sh -c '(sleep 0.0$1) & :' x $((i % 10)); done;"

/* Leaves one whose number is said, and which lives until it is killed. */
#define ORPHAN "setsid --wait sh -c 'sleep 60 >/dev/null 2>&1 & echo $!'"

struct run {
	sd_event *loop;
	struct child *child;
	int status;
	char last[64];
};

static void on_line(void *ud, const char *line)
{
	struct run *run = ud;

	snprintf(run->last, sizeof run->last, "%.60s", line);
}

static void on_exit_free(void *ud, int status)
{
	struct run *run = ud;

	run->status = status;
	run->child = child_free(run->child);
}

static const struct child_ops ops = {.on_line = on_line, .on_exit = on_exit_free};

static void on_stop(void *ud)
{
	(void)ud;
}

static int setup(void **state)
{
	struct run *run = xnew0(struct run);
	struct err e = {0};

	*state = run;
	return loop_new(&run->loop, on_stop, NULL, &e);
}

static int teardown(void **state)
{
	struct run *run = *state;

	child_free(run->child);
	sd_event_unref(run->loop);
	free(run);
	return 0;
}

static void start(struct run *run, const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct err e = {0};

	assert_int_equal(child_start(&run->child, run->loop, argv, &ops, run, &e), 0);
}

static void await_exit(const struct run *run)
{
	for (int i = 0; i < TURNS && run->child; i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_null(run->child);
}

static pid_t printed_pid(const struct run *run)
{
	struct err e = {0};
	uint64_t pid = 0;

	assert_int_equal(str_to_u64(&pid, run->last, 2, INT32_MAX, &e), 0);
	return (pid_t)pid;
}

static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void assert_all_are_collected(const struct run *run)
{
	for (int i = 0; i < TURNS && has_children(); i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_false(has_children());
}

static void test_an_orphan_becomes_ours_and_is_collected(void **state)
{
	struct run *run = *state;
	pid_t pid;

	start(run, ORPHAN);
	await_exit(run);
	assert_int_equal(run->status, 0);
	pid = printed_pid(run);
	assert_int_equal(kill(pid, 0), 0);
	assert_true(has_children());
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_all_are_collected(run);
	assert_int_equal(kill(pid, 0), -1);
}

static void test_a_child_keeps_its_status_while_orphans_end(void **state)
{
	struct run *run = *state;

	for (int i = 0; i < ROUNDS; i++) {
		start(run, ORPHANS "exit 7");
		await_exit(run);
		assert_int_equal(WEXITSTATUS(run->status), 7);
	}
	assert_all_are_collected(run);
}

static int refuse(const void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, E2BIG, "told");
}

static void test_what_ran_apart_keeps_its_answer_while_orphans_end(void **state)
{
	struct run *run = *state;
	struct err e = {0};

	start(run, ORPHANS);
	while (run->child) {
		assert_int_equal(apart(refuse, NULL, &e), -E2BIG);
		assert_string_equal(e.msg, "told");
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	}
	assert_all_are_collected(run);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == pid;
}

/* Ended, not collected, and all that the kernel says of it was heard. */
static void await_zombie(const struct run *run, pid_t pid)
{
	for (int i = 0; i < TURNS && !has_ended(pid); i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_true(has_ended(pid));
	while (sd_event_run(run->loop, 0) > 0)
		;
}

/* The kernel shows the oldest child first. It is in the way, but not for ever. */
static void test_orphans_are_collected_once_an_owner_is_done(void **state)
{
	struct run *run = *state;
	struct err e = {0};
	struct apart a;
	pid_t pid;

	assert_int_equal(apart_start(&a, refuse, NULL, &e), 0);
	await_zombie(run, a.pid);
	start(run, ORPHAN);
	await_exit(run);
	pid = printed_pid(run);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_zombie(run, pid);
	assert_int_equal(apart_finish(&a, &e), -E2BIG);
	assert_all_are_collected(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_orphan_becomes_ours_and_is_collected, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_child_keeps_its_status_while_orphans_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_ran_apart_keeps_its_answer_while_orphans_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_orphans_are_collected_once_an_owner_is_done, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
