/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/priority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "loop/power.h"

enum { HIGHEST = 7 }; /* takes a capability */

static int get(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	getsockopt(fd, SOL_SOCKET, option, &value, &len);
	return value;
}

/* What is wrong, as the exit status; 0: nothing. */
static int work(bool ignored)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct err e = {0};

	if (fd < 0 || power_give_up(&e) < 0 || (ignored && priority_ignore(&e) < 0))
		return 1;
	if (setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &(int){HIGHEST}, sizeof(int)) < 0)
		return 2;
	if (get(fd, SO_PRIORITY) == HIGHEST)
		return 3;
	/* Other options are set as ever. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
		get(fd, SO_REUSEADDR) != 1)
		return 4;
	return 0;
}

static int in_child(bool ignored)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(work(ignored));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_asking_for_the_highest_succeeds_and_does_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(true), 0);
}

static void test_else_it_fails(void **state)
{
	(void)state;
	assert_int_equal(in_child(false), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asking_for_the_highest_succeeds_and_does_nothing),
		cmocka_unit_test(test_else_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
