/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/peer.h"
#include "loop/acceptor.h"
#include "loop/loop.h"

enum { READ_STEP = 4096, ANSWER_STEP = 64 * 1024 };

struct control_conn {
	struct control_conn *next;     /* in the server's list */
	struct control_server *server; /* NULL at the client's end */
	sd_event_source *io;
	sd_event_source *patience; /* for the end of a message; NULL at the client's end */
	struct control_ops ops;
	void *ud, *data;
	int fd;
	bool heard;   /* it has said a message */
	bool closing; /* only what is queued still has to go out */
	bool busy;    /* a callback runs: freeing waits */
	char *in, *out;
	size_t in_len, in_size, out_len;
};

struct control_server {
	sd_event *loop;
	struct acceptor *acceptor;
	struct control_ops ops;
	void *ud;
	int fd;
	size_t n_conns;
	struct control_conn *conns;
};

static void unlink_conn(struct control_conn *c)
{
	struct control_conn **at;

	if (!c->server)
		return;
	for (at = &c->server->conns; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			c->server->n_conns--;
			return;
		}
	}
}

static struct control_conn *conn_free(struct control_conn *c)
{
	unlink_conn(c);
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->patience);
	closep(&c->fd);
	free(c->in);
	free(c->out);
	free(c);
	return NULL;
}

static void conn_lost(struct control_conn *c, const char *why)
{
	if (!c->closing)
		c->ops.on_close(c, why, c->ud);
	conn_free(c);
}

/* The first message is awaited, and the end of each that was begun. */
static void be_patient(struct control_conn *c)
{
	if (!c->patience)
		return;
	if (c->heard && c->in_len == 0)
		loop_timer_stop(c->patience);
	else if (!loop_timer_armed(c->patience))
		loop_timer_arm(c->patience, LIMIT_CONTROL_REQUEST_USEC);
}

static void on_impatience(void *ud)
{
	conn_lost(ud, "did not finish its message in time");
}

static void watch(struct control_conn *c)
{
	uint32_t events = (c->closing ? 0 : EPOLLIN) | (c->out_len > 0 ? EPOLLOUT : 0);

	sd_event_source_set_io_events(c->io, events);
}

/* Sends what the socket takes. Negative when the other side is gone. */
static int flush_out(struct control_conn *c)
{
	while (c->out_len > 0) {
		ssize_t n = send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		memmove(c->out, c->out + n, c->out_len - (size_t)n);
		c->out_len -= (size_t)n;
	}
	return 0;
}

void control_send(struct control_conn *c, json_t *msg)
{
	CLEANUP_FREE char *text = json_dumps(msg, JSON_COMPACT | JSON_SORT_KEYS);
	size_t len = text ? strlen(text) : 0;

	json_decref(msg);
	if (!text)
		mem_exhausted();
	if (c->closing)
		return;
	if (c->out_len + len + 1 > LIMIT_CONTROL_LINE) {
		/* The reader is stuck; its end is noticed by the read that this provokes. */
		shutdown(c->fd, SHUT_RDWR);
		return;
	}
	c->out = xreallocarray(c->out, c->out_len + len + 1, 1);
	memcpy(c->out + c->out_len, text, len);
	c->out[c->out_len + len] = '\n';
	c->out_len += len + 1;
	flush_out(c);
	watch(c);
}

void control_close(struct control_conn *c)
{
	c->closing = true;
	if (c->out_len > 0)
		watch(c);
	else if (!c->busy)
		conn_free(c);
}

int control_take_fd(struct control_conn *c)
{
	int fd = steal_fd(&c->fd);

	c->io = sd_event_source_disable_unref(c->io);
	c->out_len = 0;
	control_close(c);
	return fd;
}

void control_set_data(struct control_conn *c, void *data)
{
	c->data = data;
}

void *control_data(const struct control_conn *c)
{
	return c->data;
}

/* Hands the lines read so far to the owner. Returns why the connection must end, or NULL. */
static const char *deliver(struct control_conn *c)
{
	char *end;

	while (!c->closing && c->in_len > 0 && (end = memchr(c->in, '\n', c->in_len))) {
		size_t len = (size_t)(end - c->in);
		json_t *msg = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, NULL);

		c->in_len -= len + 1;
		memmove(c->in, end + 1, c->in_len);
		if (!json_is_object(msg)) {
			json_decref(msg);
			return "sent a line that is no JSON object";
		}
		c->heard = true;
		c->busy = true;
		c->ops.on_message(c, msg, c->ud);
		c->busy = false;
		json_decref(msg);
	}
	return c->in_len >= LIMIT_CONTROL_LINE ? "sent a line that is too long" : NULL;
}

static const char *receive(struct control_conn *c)
{
	ssize_t n;

	if (c->in_size - c->in_len < READ_STEP) {
		c->in_size = c->in_size ? c->in_size * 2 : READ_STEP;
		c->in = xreallocarray(c->in, c->in_size, 1);
	}
	n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
	if (n == 0)
		return "closed by the other side";
	c->in_len += (size_t)n;
	return deliver(c);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct control_conn *c = ud;
	const char *why = NULL;

	loop_doing(LOOP_HERE("on_io"));
	(void)source;
	(void)fd;
	if (events & EPOLLIN)
		why = receive(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		why = "closed by the other side";
	if (!why && flush_out(c) < 0)
		why = "closed by the other side";
	if (why || (c->closing && c->out_len == 0)) {
		conn_lost(c, why);
		return 0;
	}
	watch(c);
	be_patient(c);
	return 0;
}

static int conn_new(struct control_conn **ret, sd_event *loop, int *fd,
	const struct control_ops *ops, void *ud, struct err *e)
{
	struct control_conn *c = xnew0(struct control_conn);
	int r;

	c->fd = steal_fd(fd);
	c->ops = *ops;
	c->ud = ud;
	r = sd_event_add_io(loop, &c->io, c->fd, EPOLLIN, on_io, c);
	if (r < 0) {
		conn_free(c);
		return err_errno(e, -r, "watching the control socket");
	}
	*ret = c;
	return 0;
}

static bool is_let_in(const struct control_server *s, int fd)
{
	struct err e = {0};
	uid_t uid = (uid_t)-1;

	if (peer_uid(&uid, fd, &e) < 0)
		return false;
	if (!peer_is_trusted(uid) && s->ops.on_refused)
		s->ops.on_refused(uid, s->ud);
	return peer_is_trusted(uid);
}

/* Newer ones come first in the list. */
static void make_room(const struct control_server *s)
{
	struct control_conn *oldest = NULL;

	for (struct control_conn *c = s->conns; c; c = c->next)
		if (!c->heard && !c->closing)
			oldest = c;
	if (oldest)
		conn_lost(oldest, "said nothing, and others came");
}

static void on_connection(void *ud, int fd)
{
	struct control_server *s = ud;
	CLEANUP_CLOSE int peer = fd;
	struct control_conn *c = NULL;
	struct err e = {0};

	if (!is_let_in(s, peer))
		return;
	if (s->n_conns >= LIMIT_CONTROL_CLIENTS)
		make_room(s);
	if (s->n_conns >= LIMIT_CONTROL_CLIENTS)
		return;
	if (conn_new(&c, s->loop, &peer, &s->ops, s->ud, &e) < 0)
		return;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is there without an error */
	c->server = s;
	c->next = s->conns;
	s->conns = c;
	s->n_conns++;
	if (loop_timer_new(&c->patience, s->loop, on_impatience, c, &e) < 0) {
		conn_free(c);
		return;
	}
	/* What has come in already counts, however late we get to it. */
	sd_event_source_set_priority(c->patience, LOOP_PATIENT);
	be_patient(c);
}

/* An abstract name (unix(7)): a leading NUL byte, and no file. */
static socklen_t abstract_address(struct sockaddr_un *ret, const char *name)
{
	size_t len = strnlen(name, sizeof ret->sun_path - 1);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path + 1, name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

static int open_socket(int *ret_fd, const char *name,
	int (*attach)(int fd, const struct sockaddr *addr, socklen_t len), struct err *e)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	socklen_t len = abstract_address(&addr, name);

	if (fd < 0 || attach(fd, (struct sockaddr *)&addr, len) < 0)
		return err_errno(e, errno, "control socket @%s", name);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int connect_to_ours(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (connect(fd, addr, len) < 0)
		return -1;
	if (peer_is_ours(fd))
		return 0;
	errno = EACCES;
	return -1;
}

static int bind_and_listen(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len) < 0 ? -1 : listen(fd, LIMIT_CONTROL_CLIENTS);
}

DEFINE_CLEANUP(struct control_server *, control_server_free);

static const struct acceptor_ops acceptor_ops = {.on_connection = on_connection};

int control_listen(struct control_server **ret, sd_event *loop, const char *name,
	const struct control_ops *ops, void *ud, struct err *e)
{
	CLEANUP(control_server_freep) struct control_server *s = xnew0(struct control_server);
	int r;

	s->fd = -1;
	s->loop = sd_event_ref(loop);
	s->ops = *ops;
	s->ud = ud;
	r = open_socket(&s->fd, name, bind_and_listen, e);
	if (r < 0)
		return r;
	r = acceptor_new(&s->acceptor, loop, s->fd, &acceptor_ops, s, e);
	if (r < 0)
		return err_wrap(e, "control socket @%s", name);
	*ret = steal(s);
	return 0;
}

struct control_server *control_server_free(struct control_server *s)
{
	if (!s)
		return NULL;
	while (s->conns) {
		struct control_conn *c = s->conns;

		s->conns = c->next;
		c->server = NULL;
		conn_free(c);
	}
	acceptor_free(s->acceptor);
	sd_event_unref(s->loop);
	closep(&s->fd);
	free(s);
	return NULL;
}

int control_connect(struct control_conn **ret, sd_event *loop, const char *name,
	const struct control_ops *ops, void *ud, struct err *e)
{
	CLEANUP_CLOSE int fd = -1;
	int r = open_socket(&fd, name, connect_to_ours, e);

	if (r == 0)
		r = conn_new(ret, loop, &fd, ops, ud, e);
	if (r == 0)
		sd_event_source_set_priority((*ret)->io, LOOP_TOLD);
	return r;
}

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Reads one line into a new string, until `deadline`. */
static int read_line(char **ret, int fd, uint64_t deadline, struct err *e)
{
	CLEANUP_FREE char *line = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		uint64_t now = now_usec();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now >= deadline || poll(&p, 1, (int)((deadline - now) / 1000) + 1) == 0)
			return err_set(e, ETIMEDOUT, "no answer in time");
		if (size - len < ANSWER_STEP + 1) {
			size = size ? size * 2 : 4 * ANSWER_STEP;
			line = xreallocarray(line, size, 1);
		}
		n = recv(fd, line + len, size - len - 1, 0);
		if (n <= 0 || len + (size_t)n > LIMIT_CONTROL_ANSWER)
			return err_set(e, EPIPE, "the connection ended without an answer");
		len += (size_t)n;
		line[len] = '\0';
		if (line[len - 1] == '\n') {
			*ret = steal(line);
			return 0;
		}
	}
}

int control_ask_text(char **ret, const char *name, json_t *request, uint64_t timeout, struct err *e)
{
	json_auto_t *owned = request;
	CLEANUP_FREE char *text = json_dumps(request, JSON_COMPACT);
	CLEANUP_FREE char *line = text ? xasprintf("%s\n", text) : NULL;
	CLEANUP_CLOSE int fd = -1;
	int r = open_socket(&fd, name, connect_to_ours, e);

	(void)owned;
	if (r < 0)
		return r;
	if (!line || send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return err_errno(e, errno, "control socket @%s", name);
	r = read_line(ret, fd, now_usec() + timeout, e);
	return r < 0 ? err_wrap(e, "control socket @%s", name) : 0;
}

int control_ask(json_t **ret, const char *name, json_t *request, uint64_t timeout, struct err *e)
{
	CLEANUP_FREE char *answer = NULL;
	json_t *parsed;
	int r = control_ask_text(&answer, name, request, timeout, e);

	if (r < 0)
		return r;
	parsed = json_loads(answer, 0, NULL);
	if (!parsed)
		return err_set(e, EPROTO, "control socket @%s: the answer is no JSON", name);
	*ret = parsed;
	return 0;
}
