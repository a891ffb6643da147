/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/passing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static size_t n_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

struct fixture {
	int ours, theirs;
	size_t n_open;
};

static int setup(void **state)
{
	static struct fixture f;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	f = (struct fixture){ends[0], ends[1], n_open()};
	*state = &f;
	return 0;
}

/* Whatever came, nothing of it is left open. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	size_t n = n_open();

	close(f->ours);
	closep(&f->theirs);
	return n == f->n_open - (f->theirs < 0) ? 0 : -1;
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void assert_same(const struct sockets *got, const struct sockets *sent)
{
	for (int role = 0; role < SOCKETS_N; role++) {
		assert_int_equal(got->fds[role] < 0, sent->fds[role] < 0);
		if (sent->fds[role] < 0)
			continue;
		assert_true(inode(sent->fds[role]) == inode(got->fds[role]));
		assert_true(fcntl(got->fds[role], F_GETFD) & FD_CLOEXEC);
	}
}

static void test_what_is_sent_arrives(void **state)
{
	struct fixture *f = *state;
	CLEANUP_SOCKETS struct sockets sent = SOCKETS_NONE, got = SOCKETS_NONE;
	struct err e = {0};

	assert_int_equal(sockets_make(&sent, "", &e), 0);
	assert_int_equal(passing_receive(&got, f->ours, &e), -EAGAIN);
	assert_int_equal(passing_send(f->theirs, &sent, &e), 0);
	if (passing_receive(&got, f->ours, &e) < 0)
		fail_msg("%s", e.msg);
	assert_same(&got, &sent);
	assert_int_equal(sockets_count(&got), SOCKETS_N_USUAL);
}

static void test_so_is_what_few_have(void **state)
{
	struct fixture *f = *state;
	CLEANUP_SOCKETS struct sockets sent = SOCKETS_NONE, got = SOCKETS_NONE;
	struct err e = {0};

	assert_int_equal(sockets_make(&sent, "", &e), 0);
	if (sockets_make_l2(&sent, "", &e) == -EPERM)
		skip();
	assert_int_equal(passing_send(f->theirs, &sent, &e), 0);
	assert_int_equal(passing_receive(&got, f->ours, &e), 0);
	assert_same(&got, &sent);
	sockets_done(&got);
	/* One that is not there has its place all the same. */
	close(steal_fd(&sent.fds[SOCKETS_GROUPS]));
	assert_int_equal(passing_send(f->theirs, &sent, &e), 0);
	assert_int_equal(passing_receive(&got, f->ours, &e), 0);
	assert_same(&got, &sent);
}

static void assert_refused(const struct fixture *f, int code, const char *why)
{
	struct sockets got = SOCKETS_NONE;
	struct err e = {0};

	assert_int_equal(passing_receive(&got, f->ours, &e), -code);
	if (!strstr(e.msg, why))
		fail_msg("'%s' does not say '%s'", e.msg, why);
	assert_int_equal(got.fds[0], -1);
}

static void test_words_in_the_place_of_sockets_are_told(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};

	assert_int_equal(passing_refuse(f->theirs, "no memory", &e), 0);
	assert_refused(f, ECANCELED, "says: no memory");
}

static void test_an_end_without_sockets(void **state)
{
	struct fixture *f = *state;

	close(f->theirs);
	f->theirs = -1;
	assert_refused(f, EPROTO, "ended");
}

static void test_sockets_in_another_order(void **state)
{
	struct fixture *f = *state;
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};
	int first;

	assert_int_equal(sockets_make(&s, "", &e), 0);
	first = s.fds[0];
	memmove(s.fds, s.fds + 1, (SOCKETS_N_USUAL - 1) * sizeof s.fds[0]);
	s.fds[SOCKETS_N_USUAL - 1] = first;
	assert_int_equal(passing_send(f->theirs, &s, &e), 0);
	assert_refused(f, EPROTO, "not what it should be");
}

/* `n` times the same. */
static void send_many(const struct fixture *f, int fd, size_t n, const char *text)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(250 * sizeof(int))];
	} control = {.bytes = {0}};
	char copy[64];
	struct iovec data = {copy, strlen(text)};
	struct msghdr msg = {&(struct sockaddr){0}, 0, &data, 1, control.bytes, 0, 0};
	struct cmsghdr *c = &control.align;

	memcpy(copy, text, data.iov_len);
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof fd, &fd, sizeof fd);
	msg.msg_name = NULL;
	assert_true(sendmsg(f->theirs, &msg, 0) > 0);
}

static void test_more_less_and_other_descriptors(void **state)
{
	static const size_t amounts[] = {
		1, SOCKETS_N_USUAL - 1, SOCKETS_N_USUAL, SOCKETS_N_USUAL + 1, SOCKETS_N, 250};
	struct fixture *f = *state;
	char text[64] = "kago-node-sockets 2 ";

	memset(text + strlen(text), '+', SOCKETS_N_USUAL);
	memset(text + strlen(text), '-', SOCKETS_N - SOCKETS_N_USUAL);
	for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
		send_many(f, STDERR_FILENO, amounts[i], text);
		assert_refused(f, EPROTO, "not what");
		assert_int_equal(n_open(), f->n_open);
	}
}

static void test_the_same_in_another_version(void **state)
{
	struct fixture *f = *state;
	char text[64] = "kago-node-sockets 3 ";

	send_many(f, STDERR_FILENO, SOCKETS_N_USUAL, "kago-node-sockets 1");
	assert_refused(f, EPROTO, "version");
	memset(text + strlen(text), '+', SOCKETS_N);
	send_many(f, STDERR_FILENO, SOCKETS_N, text);
	assert_refused(f, EPROTO, "version");
}

static void test_a_path_that_no_socket_can_have(void **state)
{
	char path[200];
	int fd = -1;
	struct err e = {0};

	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(passing_listen(&fd, path, &e), -ENAMETOOLONG);
	assert_int_equal(passing_connect(&fd, path, &e), -ENAMETOOLONG);
	assert_int_equal(fd, -1);
}

static void test_who_is_dead_is_in_nobodys_way_and_no_stranger_is_asked(void **state)
{
	CLEANUP_FREE char *name = xasprintf("/tmp/kago-test-passing-%d", getpid());
	CLEANUP_FREE char *others = xasprintf("%s-nobody", name);
	CLEANUP_CLOSE int listener = -1, second = -1, conn = -1;
	struct err e = {0};
	struct stat st;
	int status = 0;
	pid_t child;

	(void)state;
	assert_int_equal(passing_connect(&conn, name, &e), -ENOENT);
	assert_int_equal(passing_listen(&listener, name, &e), 0);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(listener);
	listener = -1;
	assert_int_equal(passing_connect(&conn, name, &e), -ECONNREFUSED);
	assert_int_equal(passing_listen(&listener, name, &e), 0);
	assert_int_equal(passing_connect(&conn, name, &e), 0);
	unlink(name);
	if (geteuid() != 0)
		return;
	child = fork();
	if (child == 0) {
		/* To nobody, we are a stranger; root would be none. */
		int fd = -1;

		if (setresuid(65533, 65533, 65533) < 0)
			_exit(2);
		close(listener);
		listener = -1;
		if (passing_listen(&listener, others, &e) < 0 ||
			passing_connect(&fd, others, &e) < 0)
			_exit(3);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(passing_connect(&second, others, &e), -EACCES);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_sent_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_so_is_what_few_have, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_words_in_the_place_of_sockets_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_end_without_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sockets_in_another_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_less_and_other_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_in_another_version, setup, teardown),
		cmocka_unit_test(test_a_path_that_no_socket_can_have),
		cmocka_unit_test(test_who_is_dead_is_in_nobodys_way_and_no_stranger_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
