/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "sockets/passing.h"

/* What checks memory asks the kernel for more: a sanitizer, or valgrind. */
extern void __asan_init(void) __attribute__((weak));

static bool is_checked(void)
{
	return __asan_init != NULL || getenv("LD_PRELOAD") != NULL;
}

static bool is_forbidden(long result)
{
	return result == -1 && errno == EPERM;
}

/* What is wrong, or NULL. */
static const char *try_what_is_forbidden(int unbound)
{
	static const struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nobody"};

	if (!is_forbidden(connect(unbound, (const struct sockaddr *)&nobody, sizeof nobody)))
		return "it can connect";
	if (!is_forbidden(open("/dev/null", O_RDONLY | O_CLOEXEC)))
		return "it can open files";
	if (!is_forbidden(fork()))
		return "it can start processes";
	if (!is_forbidden(read(STDIN_FILENO, (char[1]){0}, 1)))
		return "it can read";
	return NULL;
}

static const char *work(int conn, int unbound)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_enter(&e) < 0)
		return "it cannot be entered";
	if (!peer_is_ours(conn) || sockets_make(&s, "", &e) < 0 || passing_send(conn, &s, &e) < 0)
		return "it cannot do its work";
	log_info("test.line", LOG_UINT("n", SOCKETS_N));
	return try_what_is_forbidden(unbound);
}

static void test_it_can_hand_out_sockets_and_nothing_else(void **state)
{
	CLEANUP_SOCKETS struct sockets got = SOCKETS_NONE;
	CLEANUP_CLOSE int unbound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ends[2], status = 0;
	struct err e = {0};
	pid_t child;

	(void)state;
	if (is_checked())
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	child = fork();
	if (child == 0) {
		const char *wrong = work(ends[1], unbound);

		if (wrong)
			fprintf(stderr, "%s\n", wrong);
		_exit(wrong != NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	if (passing_receive(&got, ends[0], &e) < 0)
		fail_msg("%s", e.msg);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_can_hand_out_sockets_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
