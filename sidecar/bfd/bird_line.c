/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bird_line.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/limits.h"
#include "bfd/bird_api.h"
#include "loop/loop.h"

struct bird_line {
	sd_event_source *reading;
	int fd;
	struct bird_line_ops ops;
	void *ud;
	bool greeted;
	size_t len;
	char text[LIMIT_BIRD_ANSWER];
};

static void deliver(struct bird_line *l, const char *text, size_t len)
{
	if (l->greeted)
		l->ops.on_answer(l->ud, text, len);
	l->greeted = true;
}

/* The answers that are there; the callback asks at most one more. */
static void take_answers(struct bird_line *l)
{
	size_t whole;

	while ((whole = bird_api_whole(l->text, l->len))) {
		char answer[LIMIT_BIRD_ANSWER];

		memcpy(answer, l->text, whole);
		l->len -= whole;
		memmove(l->text, l->text + whole, l->len);
		deliver(l, answer, whole);
	}
}

static void end(struct bird_line *l, const char *why)
{
	sd_event_source_set_enabled(l->reading, SD_EVENT_OFF);
	l->ops.on_end(l->ud, why);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct bird_line *l = ud;
	ssize_t n = read(fd, l->text + l->len, sizeof l->text - l->len);

	(void)source;
	(void)events;
	loop_doing(LOOP_HERE("on_readable"));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		end(l, n == 0 ? "it closed its control socket" : strerror(errno));
		return 0;
	}
	l->len += (size_t)n;
	take_answers(l);
	if (l->len == sizeof l->text)
		end(l, "its answer has no end");
	return 0;
}

/* BIRD takes connections when it comes to it; the kernel keeps ours until then. */
static int dial(int fd, const char *path, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof addr.sun_path)
		return err_set(e, ENAMETOOLONG, "%s is longer than a socket's path may be", path);
	memcpy(addr.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return err_errno(e, errno, "connecting to %s", path);
	return 0;
}

int bird_line_open(struct bird_line **ret, sd_event *loop, const char *path,
	const struct bird_line_ops *ops, void *ud, struct err *e)
{
	CLEANUP(bird_line_closep) struct bird_line *l = xnew0(struct bird_line);
	int r;

	l->ops = *ops;
	l->ud = ud;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_errno(e, errno, "making a socket");
	r = dial(l->fd, path, e);
	if (r < 0)
		return r;
	r = sd_event_add_io(loop, &l->reading, l->fd, EPOLLIN, on_readable, l);
	if (r < 0)
		return err_errno(e, -r, "watching %s", path);
	*ret = steal(l);
	return 0;
}

int bird_line_ask(struct bird_line *l, const char *question, struct err *e)
{
	size_t len = strlen(question);
	ssize_t n = send(l->fd, question, len, MSG_NOSIGNAL);

	if (n == (ssize_t)len)
		return 0;
	return err_errno(e, n < 0 ? errno : EMSGSIZE, "asking BIRD");
}

struct bird_line *bird_line_close(struct bird_line *l)
{
	if (!l)
		return NULL;
	sd_event_source_disable_unref(l->reading);
	closep(&l->fd);
	free(l);
	return NULL;
}
