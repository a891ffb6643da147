/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/abstract.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/peer.h"
#include "loop/acceptor.h"
#include "loop/loop.h"

struct relay {
	sd_event *loop;
	struct relay_ops ops;
	void *ud;
	int listener, fd;
	struct acceptor *acceptor;
	sd_event_source *reading;
	size_t len;
	char line[LIMIT_API_LINE];
};

static void hang_up(struct relay *r)
{
	r->reading = sd_event_source_disable_unref(r->reading);
	closep(&r->fd);
	r->fd = -1;
	r->len = 0;
}

struct relay *relay_free(struct relay *r)
{
	if (!r)
		return NULL;
	hang_up(r);
	acceptor_free(r->acceptor);
	closep(&r->listener);
	free(r);
	return NULL;
}

/* Takes one line out of the buffer. */
static bool take_line(struct relay *r, char ret_line[static LIMIT_API_LINE])
{
	char *end = memchr(r->line, '\n', r->len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - r->line);
	memcpy(ret_line, r->line, len);
	ret_line[len] = '\0';
	r->len -= len + 1;
	memmove(r->line, end + 1, r->len);
	return true;
}

static void lose(struct relay *r, const char *why)
{
	hang_up(r);
	r->ops.on_close(r->ud, why);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct relay *r = ud;
	char line[LIMIT_API_LINE];
	ssize_t n = read(fd, r->line + r->len, sizeof r->line - r->len);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		lose(r, n == 0 ? "exabgp ended its API process" : strerror(errno));
		return 0;
	}
	r->len += (size_t)n;
	while (r->fd == fd && take_line(r, line))
		r->ops.on_line(r->ud, line);
	if (r->fd == fd && r->len == sizeof r->line)
		lose(r, "exabgp sent a line without end");
	return 0;
}

static void on_connection(void *ud, int fd)
{
	struct relay *r = ud;

	if (r->fd >= 0 || !peer_is_ours(fd) ||
		sd_event_add_io(r->loop, &r->reading, fd, EPOLLIN, on_readable, r) < 0) {
		close(fd);
		return;
	}
	r->fd = fd;
	r->ops.on_open(r->ud);
}

static void on_shortage(void *ud, const struct err *why)
{
	(void)ud;
	log_warn("exabgp.api_waits", LOG_ERR(why),
		LOG_STR("next", "its API process is let in as soon as that works"));
}

static const struct acceptor_ops acceptor_ops = {on_connection, on_shortage};

int relay_listen(
	struct relay **ret, sd_event *loop, const struct relay_ops *ops, void *ud, struct err *e)
{
	CLEANUP(relay_freep) struct relay *r = xnew0(struct relay);
	int n;

	r->loop = loop;
	r->ops = *ops;
	r->ud = ud;
	r->fd = -1;
	r->listener = abstract_socket(SOCK_STREAM | SOCK_NONBLOCK, e);
	if (r->listener < 0)
		return r->listener;
	n = abstract_bind(r->listener, RELAY_NAME, e);
	if (n < 0)
		return n;
	if (listen(r->listener, 4) < 0)
		return err_errno(e, errno, "listening for exabgp");
	n = acceptor_new(&r->acceptor, loop, r->listener, &acceptor_ops, r, e);
	if (n < 0)
		return err_wrap(e, "listening for exabgp");
	*ret = steal(r);
	return 0;
}

int relay_send(struct relay *r, const char *text, size_t len, struct err *e)
{
	ssize_t n = r->fd < 0 ? -1 : send(r->fd, text, len, MSG_NOSIGNAL);

	if (r->fd < 0)
		return err_set(e, ENOTCONN, "exabgp's API process is not connected");
	if (n < 0)
		return err_errno(e, errno, "writing to exabgp");
	return (size_t)n == len ? 0 : err_set(e, EAGAIN, "exabgp does not read");
}
