/* SPDX-License-Identifier: Apache-2.0 */
#include "base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Fits into a pipe in one piece (PIPE_BUF). */
struct answer {
	int result;
	struct err e;
};

static void answer_and_end(int fd, int (*fn)(const void *arg, struct err *e), const void *arg,
	const struct err *e) __attribute__((noreturn));
static void answer_and_end(
	int fd, int (*fn)(const void *arg, struct err *e), const void *arg, const struct err *e)
{
	struct answer answer = {.e = *e};

	answer.result = fn(arg, &answer.e);
	_exit(write(fd, &answer, sizeof answer) == sizeof answer ? 0 : 1);
}

int apart(int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e)
{
	CLEANUP_CLOSE int in = -1;
	struct answer answer;
	ssize_t n;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, errno, "making a pipe");
	in = fds[0];
	pid = fork();
	if (pid == 0)
		answer_and_end(fds[1], fn, arg, e);
	close(fds[1]);
	if (pid < 0)
		return err_errno(e, errno, "forking");
	n = read(in, &answer, sizeof answer);
	waitpid(pid, NULL, 0);
	if (n != sizeof answer)
		return err_set(e, ECHILD, "the child ended without an answer");
	*e = answer.e;
	return answer.result;
}
