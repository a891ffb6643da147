/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/offspring.h"
#include "loop/loop.h"
#include "loop/power.h"
#include "loop/priority.h"

struct child {
	sd_event_source *output, *end;
	struct child_ops ops;
	void *ud;
	pid_t pid;
	int fd; /* of the pipe that its stdout and stderr write to */
	int status;
	bool ended;
	size_t len;
	char line[LIMIT_LOG_LINE + 1];
};

DEFINE_CLEANUP(struct child *, child_free);

static void deliver_line(struct child *c, size_t len)
{
	char line[LIMIT_LOG_LINE + 1];

	memcpy(line, c->line, len);
	line[len] = '\0';
	c->ops.on_line(c->ud, line);
}

static void drop_front(struct child *c, size_t n)
{
	memmove(c->line, c->line + n, c->len - n);
	c->len -= n;
}

static void deliver_lines(struct child *c)
{
	char *end;

	while ((end = memchr(c->line, '\n', c->len))) {
		size_t len = (size_t)(end - c->line);

		deliver_line(c, len);
		drop_front(c, len + 1);
	}
	if (c->len == LIMIT_LOG_LINE) {
		deliver_line(c, c->len);
		c->len = 0;
	}
}

/* Reads once. 0 at the end of the output, -EAGAIN when there is nothing now. */
static ssize_t read_output(struct child *c)
{
	ssize_t n = read(c->fd, c->line + c->len, LIMIT_LOG_LINE - c->len);

	if (n < 0)
		return -errno;
	c->len += (size_t)n;
	deliver_lines(c);
	return n;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct child *c = ud;
	ssize_t n = read_output(c);

	loop_doing(LOOP_HERE("on_output"));
	(void)fd;
	(void)events;
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *ud)
{
	struct child *c = ud;

	loop_doing(LOOP_HERE("on_end"));
	(void)source;
	/* It is not collected yet, so no other group can have its number. */
	kill(-c->pid, SIGKILL);
	offspring_disown(c->pid);
	/* A process that left the group may hold the pipe open, so this takes what is there and
	 * does not wait for more. */
	while (read_output(c) > 0)
		;
	if (c->len > 0)
		deliver_line(c, c->len);
	c->len = 0;
	c->ended = true;
	c->status = info->si_code == CLD_EXITED ? (info->si_status & 0xff) << 8 : info->si_status;
	c->ops.on_exit(c->ud, c->status);
	return 0;
}

/* Less than we may. Errors: on our stderr, which is the child's output already. */
static bool accept_limits(const struct child_ops *ops, const char *program)
{
	struct err e = {0};
	int r = confine_gain_nothing(&e);

	if (r == 0 && ops->confine)
		r = confine_enter(ops->confine, program, &e);
	if (r == 0 && ops->powerless)
		r = power_give_up(&e);
	if (r == 0 && ops->no_priority)
		r = priority_ignore(&e);
	if (r < 0)
		dprintf(STDERR_FILENO, "starting %s: %s\n", program, e.msg);
	return r == 0;
}

static void become(const struct child *c, const char *const argv[], int output, pid_t parent)
	__attribute__((noreturn));
static void become(const struct child *c, const char *const argv[], int output, pid_t parent)
{
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv}, environment = {.in = c->ops.environment};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* A program that reloads at SIGHUP must not die of one that comes before it is ready for
	 * it. */
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	if (getppid() != parent || (c->ops.input && dup2(c->ops.input, STDIN_FILENO) < 0) ||
		dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
		!accept_limits(&c->ops, argv[0]))
		_exit(127);
	execve(argv[0], args.out, environment.in ? environment.out : environ);
	dprintf(STDERR_FILENO, "starting %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int spawn(struct child *c, const char *const argv[], struct err *e)
{
	int fds[2];
	pid_t parent = getpid();

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, errno, "starting %s", argv[0]);
	c->fd = fds[0];
	c->pid = fork();
	if (c->pid == 0)
		become(c, argv, fds[1], parent);
	close(fds[1]);
	if (c->pid < 0)
		return err_errno(e, errno, "starting %s", argv[0]);
	offspring_own(c->pid);
	/* Both sides do it, so whoever comes first finds the group made. */
	setpgid(c->pid, c->pid);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

int child_start(struct child **ret, sd_event *loop, const char *const argv[],
	const struct child_ops *ops, void *ud, struct err *e)
{
	CLEANUP(child_freep) struct child *c = xnew0(struct child);
	int r;

	c->fd = -1;
	c->ops = *ops;
	c->ud = ud;
	r = spawn(c, argv, e);
	if (r < 0)
		return r;
	r = sd_event_add_io(loop, &c->output, c->fd, EPOLLIN, on_output, c);
	/* Who talks much does not keep us from our work. */
	if (r >= 0)
		r = sd_event_source_set_priority(c->output, SD_EVENT_PRIORITY_NORMAL + 20);
	if (r >= 0)
		r = sd_event_add_child(loop, &c->end, c->pid, WEXITED, on_end, c);
	if (r < 0)
		return err_errno(e, -r, "watching %s", argv[0]);
	*ret = steal(c);
	return 0;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_signal(const struct child *c, int sig, struct err *e)
{
	int r = c->ended ? -ESRCH : sd_event_source_send_child_signal(c->end, sig, NULL, 0);

	return r < 0 ? err_errno(e, -r, "signalling process %d", c->pid) : 0;
}

/* The leader once more by its own number: it may have left its group. */
static void kill_all(const struct child *c)
{
	if (c->pid > 0 && !c->ended) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		offspring_disown(c->pid);
	}
}

struct child *child_free(struct child *c)
{
	if (!c)
		return NULL;
	sd_event_source_disable_unref(c->output);
	sd_event_source_disable_unref(c->end);
	kill_all(c);
	closep(&c->fd);
	free(c);
	return NULL;
}

const char *child_status_text(char ret_buf[static 64], int status)
{
	if (WIFEXITED(status))
		snprintf(ret_buf, 64, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(ret_buf, 64, "signal %d (%s)", WTERMSIG(status),
			sigdescr_np(WTERMSIG(status)));
	return ret_buf;
}
