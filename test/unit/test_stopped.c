/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/stopped.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fsutil.h"
#include "base/mem.h"

struct fixture {
	char path[sizeof "/tmp/test_stopped.XXXXXX"];
	pid_t leader, checkers, other;
};

/* A process in a group: 0 is its own. */
static pid_t start(pid_t group)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* As hard to read as a name can be. */
		prctl(PR_SET_NAME, ") T 1 1 (");
		for (;;)
			pause();
	}
	assert_int_equal(setpgid(pid, group ? group : pid), 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void write_pid(const struct fixture *f, pid_t pid)
{
	CLEANUP_FREE char *text = xasprintf("%d\n", pid);
	struct err e = {0};

	assert_int_equal(fs_write_atomic(f->path, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);

	*state = f;
	memcpy(f->path, "/tmp/test_stopped.XXXXXX", sizeof f->path);
	close(mkstemp(f->path));
	f->leader = start(0);
	f->checkers = start(f->leader);
	f->other = start(0);
	write_pid(f, f->checkers);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end(f->leader);
	end(f->checkers);
	end(f->other);
	unlink(f->path);
	free(f);
	return 0;
}

static void stop(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
}

static void either_process_is_found(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(stopped_find(f->leader, f->path), 0);
	stop(f->checkers);
	assert_int_equal(stopped_find(f->leader, f->path), f->checkers);
	kill(f->checkers, SIGCONT);
	waitpid(f->checkers, NULL, WCONTINUED);
	assert_int_equal(stopped_find(f->leader, f->path), 0);
	stop(f->leader);
	assert_int_equal(stopped_find(f->leader, f->path), f->leader);
}

static void a_process_of_somebody_else_is_not_looked_at(void **state)
{
	const struct fixture *f = *state;

	stop(f->other);
	write_pid(f, f->other);
	assert_int_equal(stopped_find(f->leader, f->path), 0);
}

static void no_file_is_no_process(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(stopped_find(f->leader, "/nonexistent"), 0);
	assert_int_equal(stopped_find(f->leader, "/dev/null"), 0);
	stop(f->leader);
	assert_int_equal(stopped_find(f->leader, "/nonexistent"), f->leader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(either_process_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_process_of_somebody_else_is_not_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(no_file_is_no_process, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
