/* SPDX-License-Identifier: Apache-2.0 */
#include "http/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/pages.h"
#include "http/visitors.h"
#include "loop/acceptor.h"
#include "loop/loop.h"
#include "net/sockaddr.h"

enum {
	SECOND = 1000 * 1000,
	/* Those that were dismissed are with libmicrohttpd a moment longer. */
	DAEMON_LIMIT = 2 * LIMIT_HTTP_CONNECTIONS,
};

/* A client that works asks in some milliseconds; Prometheus gives up after ten seconds. */
static const struct visitors_rules rules = {
	.max = LIMIT_HTTP_CONNECTIONS,
	.max_each = LIMIT_HTTP_CLIENT,
	.ask_within = 5 * SECOND,
	.leave_within = 30 * SECOND,
};

struct httpd {
	int listener; /* ours: libmicrohttpd spins when it has no file descriptor for a client */
	struct acceptor *acceptor;
	struct visitors *visitors;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct pages *pages;
	struct request *requests;
	struct httpd_ops ops;
	void *ud;
};

/* For a page that a child writes. */
struct request {
	struct request *prev, *next;
	struct httpd *httpd;
	struct MHD_Connection *conn;
	struct pages_reader reader;
	int fd; /* the page */
	bool waits;
};

DEFINE_CLEANUP(struct httpd *, httpd_free);

static void run(void *ud);

/* One connection, one request: so how long it may last says all. */
static enum MHD_Result respond(
	struct MHD_Connection *conn, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result r;

	if (!response)
		mem_exhausted();
	MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	r = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result respond_text(struct MHD_Connection *conn, unsigned status, char *text)
{
	return respond(conn, status,
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static struct visitor *visitor_of(struct MHD_Connection *conn)
{
	return MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* From outside of libmicrohttpd, which goes on in the next turn of the loop. */
static void wake(struct request *q)
{
	q->waits = false;
	MHD_resume_connection(q->conn);
	loop_timer_arm(q->httpd->timer, 0);
}

static void on_page(void *ud, int fd)
{
	struct request *q = ud;

	q->fd = fd;
	if (q->waits)
		wake(q);
}

static void on_dismissed(void *ud, struct visitor *v)
{
	const struct httpd *h = ud;

	for (struct request *q = h->requests; q; q = q->next)
		if (q->waits && q->conn == visitor_owner(v)) {
			pages_leave(&q->reader);
			wake(q);
		}
}

static enum MHD_Result end_page(struct request *q)
{
	struct stat page;

	if (visitor_is_dismissed(visitor_of(q->conn)))
		return MHD_NO;
	if (q->fd < 0 || fstat(q->fd, &page) < 0)
		return respond_text(q->conn, MHD_HTTP_INTERNAL_SERVER_ERROR,
			xstrdup("this page could not be written\n"));
	/* It closes the descriptor. */
	return respond(q->conn, MHD_HTTP_OK,
		MHD_create_response_from_fd((uint64_t)page.st_size, steal_fd(&q->fd)));
}

/* The connection rests until the page is there. */
static enum MHD_Result begin_page(struct request *q, const char *path)
{
	struct err e = {0};
	int r = pages_ask(q->httpd->pages, path, &q->reader, &e);

	if (r < 0)
		return respond_text(
			q->conn, MHD_HTTP_SERVICE_UNAVAILABLE, xasprintf("%s\n", e.msg));
	if (r > 0)
		return end_page(q);
	q->waits = true;
	MHD_suspend_connection(q->conn);
	return MHD_YES;
}

static struct request *request_new(struct httpd *h, struct MHD_Connection *conn)
{
	struct request *q = xnew0(struct request);

	q->httpd = h;
	q->conn = conn;
	q->fd = -1;
	q->reader = (struct pages_reader){.ready = on_page, .ud = q};
	DL_APPEND(h->requests, q);
	return q;
}

static void on_completed(
	void *ud, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	struct httpd *h = ud;
	struct request *q = *state;

	(void)conn;
	(void)why;
	if (!q)
		return;
	pages_leave(&q->reader);
	DL_DELETE(h->requests, q);
	closep(&q->fd);
	free(q);
	*state = NULL;
}

static enum MHD_Result on_request(void *ud, struct MHD_Connection *conn, const char *path,
	const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
	struct httpd *h = ud;
	char *body = NULL;
	unsigned status;

	(void)version;
	(void)data;
	(void)data_size;
	if (*state)
		return end_page(*state);
	visitor_asked(visitor_of(conn));
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(conn, MHD_HTTP_METHOD_NOT_ALLOWED, xstrdup("use GET\n"));
	status = h->ops.answer(h->ud, path, &body);
	if (status != 0)
		return respond_text(conn, status, body ? body : xstrdup("no such page\n"));
	*state = request_new(h, conn);
	return begin_page(*state, path);
}

static void on_notice(void *ud, struct MHD_Connection *conn, void **visitor,
	enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = ud;
	struct ipaddr from = {0};

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		*visitor = visitors_leave(*visitor);
		return;
	}
	sockaddr_get(&from,
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
	*visitor = visitors_enter(h->visitors,
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, &from,
		conn);
}

static void run(void *ud)
{
	struct httpd *h = ud;
	MHD_UNSIGNED_LONG_LONG msec;

	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &msec) == MHD_YES)
		loop_timer_arm(h->timer, msec * 1000);
	else
		loop_timer_stop(h->timer);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	(void)source;
	(void)fd;
	(void)events;
	loop_doing(LOOP_HERE("on_io"));
	run(ud);
	return 0;
}

/* Consumes `fd`. */
static void on_connection(void *ud, int fd)
{
	struct httpd *h = ud;
	union sockaddr_any from = {0};
	struct ipaddr client;
	socklen_t len = sizeof from;

	if (getpeername(fd, &from.any, &len) < 0 || !sockaddr_get(&client, &from.any) ||
		(h->ops.admits && !h->ops.admits(h->ud, &client))) {
		close(fd);
	} else {
		visitors_make_room(h->visitors, &client);
		MHD_add_connection(h->daemon, fd, &from.any, len);
	}
	run(h);
}

static void on_shortage(void *ud, const struct err *why)
{
	(void)ud;
	log_warn("http.waits", LOG_ERR(why),
		LOG_STR("next", "clients are let in as soon as that works"));
}

static const struct acceptor_ops acceptor_ops = {on_connection, on_shortage};

static bool set(int fd, int level, int option)
{
	return setsockopt(fd, level, option, &(int){1}, sizeof(int)) == 0;
}

static int open_listener(struct httpd *h, const union sockaddr_any *addr, socklen_t len)
{
	int family = addr->any.sa_family;

	h->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listener < 0 || !set(h->listener, SOL_SOCKET, SO_REUSEADDR) ||
		(family == AF_INET6 && !set(h->listener, IPPROTO_IPV6, IPV6_V6ONLY)) ||
		bind(h->listener, &addr->any, len) < 0 || listen(h->listener, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

static int start_daemon(struct httpd *h)
{
	errno = 0;
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)DAEMON_LIMIT,
		MHD_OPTION_NOTIFY_CONNECTION, on_notice, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, h, MHD_OPTION_END);
	return h->daemon ? 0 : errno ? -errno : -EIO;
}

static int watch_daemon(struct httpd *h, sd_event *loop, struct err *e)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = info ? sd_event_add_io(loop, &h->io, info->epoll_fd, EPOLLIN, on_io, h) : -EIO;

	if (r < 0)
		return err_errno(e, -r, "watching the HTTP server");
	r = loop_timer_new(&h->timer, loop, run, h, e);
	if (r < 0)
		return r;
	return acceptor_new(&h->acceptor, loop, h->listener, &acceptor_ops, h, e);
}

static int make_parts(struct httpd *h, sd_event *loop, struct scribes *scribes, struct err *e)
{
	int r = visitors_new(&h->visitors, loop, &rules, on_dismissed, h, e);

	if (r >= 0)
		r = pages_new(&h->pages, loop, scribes, h->ops.write, h->ud, e);
	return r;
}

int httpd_new(struct httpd **ret, sd_event *loop, const struct listen *at, struct scribes *scribes,
	const struct httpd_ops *ops, void *ud, struct err *e)
{
	CLEANUP(httpd_freep) struct httpd *h = xnew0(struct httpd);
	union sockaddr_any addr;
	char text[IPADDR_TEXT];
	int r;

	h->listener = -1;
	h->ops = *ops;
	h->ud = ud;
	r = make_parts(h, loop, scribes, e);
	if (r < 0)
		return r;
	r = open_listener(h, &addr, sockaddr_set(&addr, &at->addr, at->port));
	if (r == 0)
		r = start_daemon(h);
	if (r < 0)
		return err_errno(
			e, -r, "listening on %s port %u", ipaddr_format(text, &at->addr), at->port);
	r = watch_daemon(h, loop, e);
	if (r < 0)
		return r;
	*ret = steal(h);
	return 0;
}

/* libmicrohttpd does not end connections that rest. */
static void wake_all(struct httpd *h)
{
	for (struct request *q = h->requests; q; q = q->next) {
		pages_leave(&q->reader);
		if (q->waits)
			MHD_resume_connection(q->conn);
	}
}

struct httpd *httpd_free(struct httpd *h)
{
	if (!h)
		return NULL;
	acceptor_free(h->acceptor);
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->timer);
	wake_all(h);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	visitors_free(h->visitors);
	pages_free(h->pages);
	closep(&h->listener);
	free(h);
	return NULL;
}
