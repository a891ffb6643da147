/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/loop.h"

enum { TURN = 20 * 1000, TURNS = 500 };

/* Neither starting, nor ending, nor freeing a child may wait for it. */
pid_t wait_for_none(pid_t pid, int *status, int options) __asm__("waitpid");
pid_t wait_for_none(pid_t pid, int *status, int options)
{
	assert_true(options & WNOHANG);
	return wait4(pid, status, options, NULL);
}

struct run {
	sd_event *loop;
	struct child *child;
	int status;
	size_t n_lines, longest;
	char last[128];
};

static void on_line(void *ud, const char *line)
{
	struct run *run = ud;

	run->n_lines++;
	if (strlen(line) > run->longest)
		run->longest = strlen(line);
	snprintf(run->last, sizeof run->last, "%.100s", line);
}

static void on_exit_free(void *ud, int status)
{
	struct run *run = ud;

	run->status = status;
	run->child = child_free(run->child);
	loop_exit(run->loop, 0);
}

static const struct child_ops ops = {.on_line = on_line, .on_exit = on_exit_free};

static void on_stop(void *ud)
{
	(void)ud;
}

static void start_with(struct run *run, const struct child_ops *how, const char *const argv[])
{
	struct err e = {0};

	assert_int_equal(loop_new(&run->loop, on_stop, NULL, &e), 0);
	assert_int_equal(child_start(&run->child, run->loop, argv, how, run, &e), 0);
}

static void start(struct run *run, const char *const argv[])
{
	start_with(run, &ops, argv);
}

static void finish(struct run *run)
{
	struct err e = {0};

	assert_int_equal(loop_run(run->loop, &e), 0);
	sd_event_unref(run->loop);
}

static void test_all_output_comes_before_the_exit(void **state)
{
	struct run run = {0};

	(void)state;
	start(&run, (const char *[]){
			    "/bin/sh", "-c", "seq 1 2000; echo err >&2; printf end; exit 7", NULL});
	finish(&run);
	assert_int_equal(WEXITSTATUS(run.status), 7);
	assert_int_equal(run.n_lines, 2002);
	assert_string_equal(run.last, "end");
}

static void test_a_long_line_comes_in_pieces(void **state)
{
	struct run run = {0};

	(void)state;
	start(&run, (const char *[]){
			    "/bin/sh", "-c", "head -c 20000 /dev/zero | tr '\\0' x; echo", NULL});
	finish(&run);
	assert_int_equal(run.longest, LIMIT_LOG_LINE);
	assert_int_equal(run.n_lines, 20000 / LIMIT_LOG_LINE + 1);
}

static void test_a_missing_program_says_so(void **state)
{
	struct run run = {0};

	(void)state;
	start(&run, (const char *[]){"/nonexistent", NULL});
	finish(&run);
	assert_int_equal(WEXITSTATUS(run.status), 127);
	assert_string_equal(run.last, "starting /nonexistent: No such file or directory");
}

static void test_a_signal_ends_it_and_reaches_nobody_after(void **state)
{
	struct run run = {0};
	struct err e = {0};
	char text[64];

	(void)state;
	start(&run, (const char *[]){"/bin/sh", "-c", "echo; exec sleep 60", NULL});
	/* Until it runs valgrind may have the signal. */
	while (run.n_lines == 0)
		assert_true(sd_event_run(run.loop, (uint64_t)TURN * TURNS) > 0);
	assert_int_equal(child_signal(run.child, SIGTERM, &e), 0);
	finish(&run);
	assert_true(WIFSIGNALED(run.status));
	assert_string_equal(child_status_text(text, run.status), "signal 15 (Terminated)");
}

static void test_a_grandchild_that_holds_the_pipe_does_not_delay_the_exit(void **state)
{
	struct run run = {0};

	(void)state;
	start(&run, (const char *[]){"/bin/sh", "-c", "sleep 5 & exit 3", NULL});
	finish(&run);
	assert_int_equal(WEXITSTATUS(run.status), 3);
}

/* What root may have is what counts: as another user there is nothing to lose. */
static void test_a_powerless_program_has_no_capabilities_and_gets_none(void **state)
{
	struct child_ops powerless = ops;
	struct run run = {0};

	(void)state;
	powerless.powerless = true;
	start_with(&run, &powerless,
		(const char *[]){"/bin/sh", "-c",
			"sh -c 'sed -n \"s/^\\(CapPrm\\|NoNewPrivs\\):[[:space:]]*//p\" "
			"/proc/self/status' | paste -s",
			NULL});
	finish(&run);
	assert_string_equal(run.last, "0000000000000000\t1");
}

static void test_no_child_gains_a_right_by_what_it_runs(void **state)
{
	struct run run = {0};

	(void)state;
	start(&run, (const char *[]){
			    "/bin/sh", "-c", "sh -c 'grep NoNewPrivs /proc/self/status'", NULL});
	finish(&run);
	assert_string_equal(run.last, "NoNewPrivs:\t1");
}

static void test_a_child_may_have_an_environment_of_its_own(void **state)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "ONE=1", NULL};
	struct child_ops own = ops;
	struct run run = {0};

	(void)state;
	setenv("SECRET", "hidden", 1);
	own.environment = environment;
	start_with(&run, &own, (const char *[]){"/usr/bin/env", NULL});
	finish(&run);
	assert_string_equal(run.last, "ONE=1");
	assert_int_equal(run.n_lines, 2);
	unsetenv("SECRET");
}

/* A folder of the child's own, and beside it a token that is not. */
struct house {
	char *folder, *own, *token;
};

static void build_house(struct house *h)
{
	struct err e = {0};

	h->folder = xstrdup("/tmp/kago-child-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	h->own = xasprintf("%s/own", h->folder);
	h->token = xasprintf("%s/token", h->folder);
	assert_int_equal(fs_mkdir(h->own, &e), 0);
	assert_int_equal(fs_write_private(h->token, "secret\n", 7, &e), 0);
}

static void remove_house(struct house *h)
{
	CLEANUP_FREE char *file = xasprintf("%s/file", h->own);

	unlink(file);
	unlink(h->token);
	rmdir(h->own);
	rmdir(h->folder);
	free(h->own);
	free(h->token);
	free(h->folder);
}

/* What the shell script says at last, as a child that has the folder h->own alone. */
static void say_confined(struct run *run, const struct house *h, const char *script)
{
	const char *const writable[] = {h->own, NULL};
	const struct confine confine = {.writable = writable};
	struct child_ops confined = ops;

	confined.confine = &confine;
	start_with(run, &confined,
		(const char *[]){"/bin/sh", "-c", script, "sh", h->token, h->own, NULL});
	finish(run);
}

static void test_a_confined_program_cannot_read_the_token(void **state)
{
	struct run run = {0};
	struct house h;

	(void)state;
	if (!confine_is_possible()) {
		print_message("the kernel has no Landlock\n");
		skip();
	}
	build_house(&h);
	say_confined(&run, &h, "cat \"$1\" || (cat /proc/$PPID/root\"$1\") || echo kept");
	assert_string_equal(run.last, "kept");
	run = (struct run){0};
	say_confined(&run, &h, "rm -f \"$1\"; mv \"$1\" \"$2/file\"; echo lost >\"$1\"; echo kept");
	assert_string_equal(run.last, "kept");
	assert_int_equal(access(h.token, R_OK), 0);
	remove_house(&h);
}

static void test_a_confined_program_works_in_its_own_folder(void **state)
{
	struct run run = {0};
	struct house h;

	(void)state;
	build_house(&h);
	say_confined(&run, &h,
		"echo own >\"$2/a\" && mv \"$2/a\" \"$2/file\" && cat \"$2/file\" 2>/dev/null");
	assert_string_equal(run.last, "own");
	remove_house(&h);
}

/* Goes on with the loop until the process is gone, also as a zombie. */
static void assert_vanishes(const struct run *run, pid_t pid)
{
	for (int i = 0; i < TURNS && kill(pid, 0) == 0; i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_int_equal(kill(pid, 0), -1);
}

static pid_t printed_pid(const struct run *run)
{
	struct err e = {0};
	uint64_t pid = 0;

	assert_int_equal(str_to_u64(&pid, run->last, 2, INT32_MAX, &e), 0);
	return (pid_t)pid;
}

/* Until it has said something. */
static void await_line(const struct run *run)
{
	for (int i = 0; i < TURNS && run->n_lines == 0; i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_true(run->n_lines > 0);
}

static void on_exit_stay(void *ud, int status)
{
	struct run *run = ud;

	run->status = status;
	run->child = child_free(run->child);
}

static const struct child_ops stay = {.on_line = on_line, .on_exit = on_exit_stay};

static void await_exit(const struct run *run)
{
	for (int i = 0; i < TURNS && run->child; i++)
		assert_true(sd_event_run(run->loop, TURN) >= 0);
	assert_null(run->child);
}

#define DEAF "(trap '' TERM HUP INT; while :; do sleep 60; done) >/dev/null & echo $!;"

static void test_what_a_child_leaves_behind_ends_with_it(void **state)
{
	struct run run = {0};

	(void)state;
	start_with(&run, &stay, (const char *[]){"/bin/sh", "-c", DEAF "exit 3", NULL});
	await_exit(&run);
	assert_int_equal(WEXITSTATUS(run.status), 3);
	assert_vanishes(&run, printed_pid(&run));
	sd_event_unref(run.loop);
}

static void test_a_killed_child_leaves_nobody_behind(void **state)
{
	struct run run = {0};
	struct err e = {0};

	(void)state;
	start_with(&run, &stay, (const char *[]){"/bin/sh", "-c", DEAF "wait", NULL});
	await_line(&run);
	assert_int_equal(child_signal(run.child, SIGKILL, &e), 0);
	await_exit(&run);
	assert_int_equal(WTERMSIG(run.status), SIGKILL);
	assert_vanishes(&run, printed_pid(&run));
	sd_event_unref(run.loop);
}

/* Signals are for the program alone: it knows what its own children need. */
static void test_a_signal_reaches_the_program_alone(void **state)
{
	struct run run = {0};
	struct err e = {0};

	(void)state;
	start_with(&run, &stay,
		(const char *[]){"/bin/sh", "-c",
			"sleep 1 & trap 'wait $!; exit $?' TERM; echo ready; wait $!", NULL});
	await_line(&run);
	assert_int_equal(child_signal(run.child, SIGTERM, &e), 0);
	await_exit(&run);
	assert_int_equal(run.status, 0);
	sd_event_unref(run.loop);
}

/* It would never be read to its end. */
static void test_a_grandchild_that_never_stops_talking_does_not_delay_the_exit(void **state)
{
	struct run run = {0};

	(void)state;
	start_with(&run, &stay, (const char *[]){"/bin/sh", "-c", "yes & sleep 0.1; exit 4", NULL});
	await_exit(&run);
	assert_int_equal(WEXITSTATUS(run.status), 4);
	sd_event_unref(run.loop);
}

static void test_free_kills_all_of_them_without_waiting(void **state)
{
	struct run run = {0};
	pid_t pid;

	(void)state;
	start(&run, (const char *[]){"/bin/sh", "-c", DEAF "wait", NULL});
	pid = child_pid(run.child);
	await_line(&run);
	child_free(run.child);
	assert_vanishes(&run, pid);
	assert_vanishes(&run, printed_pid(&run));
	sd_event_unref(run.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_output_comes_before_the_exit),
		cmocka_unit_test(test_a_long_line_comes_in_pieces),
		cmocka_unit_test(test_a_missing_program_says_so),
		cmocka_unit_test(test_a_signal_ends_it_and_reaches_nobody_after),
		cmocka_unit_test(test_a_grandchild_that_holds_the_pipe_does_not_delay_the_exit),
		cmocka_unit_test(test_a_powerless_program_has_no_capabilities_and_gets_none),
		cmocka_unit_test(test_no_child_gains_a_right_by_what_it_runs),
		cmocka_unit_test(test_a_child_may_have_an_environment_of_its_own),
		cmocka_unit_test(test_a_confined_program_cannot_read_the_token),
		cmocka_unit_test(test_a_confined_program_works_in_its_own_folder),
		cmocka_unit_test(test_what_a_child_leaves_behind_ends_with_it),
		cmocka_unit_test(test_a_killed_child_leaves_nobody_behind),
		cmocka_unit_test(test_a_signal_reaches_the_program_alone),
		cmocka_unit_test(
			test_a_grandchild_that_never_stops_talking_does_not_delay_the_exit),
		cmocka_unit_test(test_free_kills_all_of_them_without_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
