/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/sockets.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void swap(struct sockets *s, int one, int other)
{
	int fd = s->fds[one];

	s->fds[one] = s->fds[other];
	s->fds[other] = fd;
}

static void test_all_that_a_sidecar_wants_is_made(void **state)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	(void)state;
	assert_false(sockets_has(&s, SOCKETS_ROUTES));
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	assert_int_equal(sockets_make(&s, "", &e), 0);
	assert_true(sockets_has(&s, SOCKETS_ROUTES));
	assert_int_equal(sockets_check(&s, &e), 0);
	assert_int_equal(sockets_count(&s), SOCKETS_N_USUAL);
	for (int role = 0; role < SOCKETS_N_USUAL; role++)
		assert_true(fcntl(s.fds[role], F_GETFD) & FD_CLOEXEC);
}

/* Where there is no IPv6, there is no socket for its groups. */
static void test_those_for_the_nodes_network_are_all_there_or_none(void **state)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	(void)state;
	assert_int_equal(sockets_make(&s, "", &e), 0);
	if (sockets_make_l2(&s, "", &e) == -EPERM)
		skip();
	assert_int_equal(sockets_check(&s, &e), 0);
	for (int role = 0; role < SOCKETS_N; role++)
		assert_true(fcntl(s.fds[role], F_GETFD) & FD_CLOEXEC);
	swap(&s, SOCKETS_ARP, SOCKETS_NDP);
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	swap(&s, SOCKETS_ARP, SOCKETS_NDP);
	close(steal_fd(&s.fds[SOCKETS_GROUPS]));
	assert_int_equal(sockets_check(&s, &e), 0);
	close(steal_fd(&s.fds[SOCKETS_NDP]));
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	/* What is there already is kept: it may have taken a capability that is no more. */
	assert_int_equal(sockets_make_l2(&s, "", &e), 0);
	assert_int_equal(sockets_count(&s), SOCKETS_N);
}

static void test_each_has_to_be_what_its_role_wants(void **state)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct err e = {0};

	(void)state;
	assert_int_equal(sockets_make(&s, "", &e), 0);
	swap(&s, SOCKETS_NEWS, SOCKETS_OWNERS);
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	swap(&s, SOCKETS_NEWS, SOCKETS_OWNERS);
	swap(&s, SOCKETS_ROUTES, SOCKETS_N_USUAL - 1);
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	swap(&s, SOCKETS_ROUTES, SOCKETS_N_USUAL - 1);
	assert_int_equal(sockets_check(&s, &e), 0);
	/* One that has a name already claims nothing any more. */
	assert_int_equal(
		bind(s.fds[SOCKETS_NAMES + 3], (struct sockaddr *)&name, sizeof name.sun_family),
		0);
	assert_int_equal(sockets_check(&s, &e), -EPROTO);
	assert_non_null(strstr(e.msg, "socket 11 of 38"));
}

static void test_a_namespace_that_is_not_there_is_named(void **state)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	(void)state;
	assert_int_equal(sockets_make(&s, "/run/netns/kago-none", &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/run/netns/kago-none"));
	assert_false(sockets_has(&s, SOCKETS_ROUTES));
}

static ino_t our_namespace(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static int bind_to(int fd)
{
	static const char name[] = "kago-test-sockets";
	struct sockaddr_un s = {.sun_family = AF_UNIX};

	memcpy(s.sun_path + 1, name, sizeof name - 1);
	return bind(fd, (struct sockaddr *)&s,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name));
}

/* They stay where they were made, and we come back. */
static void test_sockets_of_another_namespace_have_its_names(void **state)
{
	CLEANUP_SOCKETS struct sockets here = SOCKETS_NONE, there = SOCKETS_NONE;
	CLEANUP_CLOSE int first = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", first);
	struct err e = {0};
	ino_t ours;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0) {
		print_message("SKIPPED: no network namespace can be made here\n");
		skip();
	}
	ours = our_namespace();
	assert_int_equal(sockets_make(&here, "", &e), 0);
	if (sockets_make(&there, path, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(our_namespace() == ours);
	assert_int_equal(bind_to(here.fds[SOCKETS_NAMES]), 0);
	assert_int_equal(bind_to(here.fds[SOCKETS_NAMES + 1]), -1);
	assert_int_equal(bind_to(there.fds[SOCKETS_NAMES]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_a_sidecar_wants_is_made),
		cmocka_unit_test(test_those_for_the_nodes_network_are_all_there_or_none),
		cmocka_unit_test(test_each_has_to_be_what_its_role_wants),
		cmocka_unit_test(test_a_namespace_that_is_not_there_is_named),
		cmocka_unit_test(test_sockets_of_another_namespace_have_its_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
