/* SPDX-License-Identifier: Apache-2.0 */
#include "node/owners.h"

#include <linux/netlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/abstract.h"
#include "base/mem.h"
#include "node/netlink.h"

struct search {
	char name[64];
	unsigned n_found;
	uid_t uid;
};

static void on_owner(void *ud, const char *name, uid_t uid)
{
	struct search *s = ud;

	if (strcmp(name, s->name) != 0)
		return;
	s->n_found++;
	s->uid = uid;
}

static void start_search(struct search *s, const char *suffix)
{
	*s = (struct search){.uid = (uid_t)-1};
	snprintf(s->name, sizeof s->name, "kago-test-owners-%d%s", getpid(), suffix);
}

/* Again and again by the same socket, as a program does that runs. */
static void look(struct search *s)
{
	static struct nl_sock *diag;
	struct err e = {0};

	if (!diag)
		assert_int_equal(netlink_open(&diag, NETLINK_SOCK_DIAG, &e), 0);
	s->n_found = 0;
	if (owners_each(diag, on_owner, s, &e) < 0) {
		print_message("SKIPPED: %s\n", e.msg);
		skip();
	}
}

static void test_a_name_is_ours_from_bind_to_close(void **state)
{
	struct err e = {0};
	struct search s;
	int fd = abstract_socket(SOCK_DGRAM, &e);
	CLEANUP_CLOSE int other = abstract_socket(SOCK_DGRAM, &e);

	(void)state;
	start_search(&s, "");
	look(&s);
	assert_int_equal(s.n_found, 0);
	assert_int_equal(abstract_bind(fd, s.name, &e), 0);
	look(&s);
	assert_int_equal(s.n_found, 1);
	assert_int_equal(s.uid, geteuid());
	/* Whoever connects to it changes the state of the socket. */
	assert_int_equal(abstract_connect(other, s.name, &e), 0);
	look(&s);
	assert_int_equal(s.n_found, 1);
	close(fd);
	look(&s);
	assert_int_equal(s.n_found, 0);
}

static void test_sockets_of_other_types_do_not_count(void **state)
{
	struct err e = {0};
	struct search s;
	CLEANUP_CLOSE int fd = abstract_socket(SOCK_STREAM, &e);

	(void)state;
	start_search(&s, "-stream");
	assert_int_equal(abstract_bind(fd, s.name, &e), 0);
	look(&s);
	assert_int_equal(s.n_found, 0);
}

static void test_the_maker_of_a_socket_is_told(void **state)
{
	int ready[2];
	struct err e = {0};
	struct search s;
	char byte;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	start_search(&s, "-other");
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		alarm(60);
		if (setresuid(65534, 65534, 65534) < 0 ||
			abstract_bind(abstract_socket(SOCK_DGRAM, &e), s.name, &e) < 0 ||
			write(ready[1], "!", 1) < 0)
			_exit(2);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	look(&s);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(s.n_found, 1);
	assert_int_equal(s.uid, 65534);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_is_ours_from_bind_to_close),
		cmocka_unit_test(test_sockets_of_other_types_do_not_count),
		cmocka_unit_test(test_the_maker_of_a_socket_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
