/* SPDX-License-Identifier: Apache-2.0 */
#include "base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/offspring.h"

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

	/* It has our sockets, too: with us gone, it would keep their names and their other ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	answer.result = fn(arg, &answer.e);
	_exit(write(fd, &answer, sizeof answer) == sizeof answer ? 0 : 1);
}

int apart_start(struct apart *ret, int (*fn)(const void *arg, struct err *e), const void *arg,
	struct err *e)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, errno, "making a pipe");
	pid = fork();
	if (pid == 0)
		answer_and_end(fds[1], fn, arg, e);
	if (pid < 0) {
		int r = err_errno(e, errno, "forking");

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	close(fds[1]);
	offspring_own(pid);
	*ret = (struct apart){.pid = pid, .fd = fds[0]};
	return 0;
}

int apart_finish(const struct apart *a, struct err *e)
{
	struct answer answer;
	ssize_t n = read(a->fd, &answer, sizeof answer);

	if (n != sizeof answer)
		kill(a->pid, SIGKILL);
	close(a->fd);
	offspring_disown(a->pid);
	if (n != sizeof answer)
		return err_set(e, ECHILD, "the child ended without an answer");
	*e = answer.e;
	return answer.result;
}

void apart_cancel(const struct apart *a)
{
	close(a->fd);
	kill(a->pid, SIGKILL);
	offspring_disown(a->pid);
}

int apart(int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e)
{
	struct apart a = {0};
	int r = apart_start(&a, fn, arg, e);

	return r < 0 ? r : apart_finish(&a, e);
}
