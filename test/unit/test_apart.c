/* SPDX-License-Identifier: Apache-2.0 */
#include "base/apart.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/offspring.h"

/* Whoever has the answer, or wants none any more, does not wait for the child. */
pid_t wait_for_none(pid_t pid, int *status, int options) __asm__("waitpid");
pid_t wait_for_none(pid_t pid, int *status, int options)
{
	assert_true(options & WNOHANG);
	return wait4(pid, status, options, NULL);
}

static void assert_collected(pid_t pid)
{
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++) {
		poll(NULL, 0, 10);
		assert_false(offspring_reap());
	}
	assert_int_equal(kill(pid, 0), -1);
}

static int n_calls;

static int succeed(const void *arg, struct err *e)
{
	(void)e;
	n_calls++;
	return *(const int *)arg;
}

static int refuse(const void *arg, struct err *e)
{
	return err_set(e, EINVAL, "no such %s", (const char *)arg);
}

static int die(const void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	_exit(0);
}

static void test_the_result_comes_back_and_memory_does_not(void **state)
{
	struct err e = {0};
	int seven = 7;

	(void)state;
	assert_int_equal(apart(succeed, &seven, &e), 7);
	assert_int_equal(n_calls, 0);
}

static void test_the_error_comes_back(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(apart(refuse, "thing", &e), -EINVAL);
	assert_int_equal(e.code, EINVAL);
	assert_string_equal(e.msg, "no such thing");
}

static void test_a_child_that_dies_is_an_error(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(apart(die, NULL, &e), -ECHILD);
}

static int wait_forever(const void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	while (pause() < 0)
		;
	return 0;
}

static void test_the_result_is_read_when_it_is_there(void **state)
{
	struct err e = {0};
	struct apart a;
	int seven = 7;

	(void)state;
	assert_int_equal(apart_start(&a, succeed, &seven, &e), 0);
	assert_int_equal(poll(&(struct pollfd){.fd = a.fd, .events = POLLIN}, 1, 10000), 1);
	assert_int_equal(apart_finish(&a, &e), 7);
	assert_collected(a.pid);
}

static void test_a_cancelled_child_is_gone(void **state)
{
	struct err e = {0};
	struct apart a;

	(void)state;
	assert_int_equal(apart_start(&a, wait_forever, NULL, &e), 0);
	apart_cancel(&a);
	assert_collected(a.pid);
}

/* It would keep open what we had open: the other end would not see that we are gone. */
static void test_a_child_ends_with_us(void **state)
{
	struct err e = {0};
	struct apart a;
	int fds[2];
	pid_t us;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	us = fork();
	if (us == 0)
		_exit(apart_start(&a, wait_forever, NULL, &e) == 0 && poll(NULL, 0, 100) == 0 ? 0
											      : 1);
	close(fds[1]);
	assert_int_equal(waitid(P_PID, (id_t)us, &(siginfo_t){0}, WEXITED), 0);
	assert_int_equal(poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, 10000), 1);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_result_comes_back_and_memory_does_not),
		cmocka_unit_test(test_the_error_comes_back),
		cmocka_unit_test(test_a_child_that_dies_is_an_error),
		cmocka_unit_test(test_the_result_is_read_when_it_is_there),
		cmocka_unit_test(test_a_cancelled_child_is_gone),
		cmocka_unit_test(test_a_child_ends_with_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
