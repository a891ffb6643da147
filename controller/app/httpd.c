/* SPDX-License-Identifier: Apache-2.0 */
#include "app/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/mman.h>
#include <utlist.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sockaddr.h"
#include "config/listen.h"
#include "loop/acceptor.h"
#include "loop/loop.h"

enum { IDLE_TIMEOUT = 30 /* s: a connection that sends nothing is closed */ };

struct httpd {
	int listener; /* ours: libmicrohttpd spins when it has no file descriptor for a client */
	struct acceptor *acceptor;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct scribes *scribes;
	struct page *pages;
	struct httpd_ops ops;
	void *ud;
};

/* A page that a child writes. */
struct page {
	struct page *prev, *next;
	struct httpd *httpd;
	struct MHD_Connection *conn;
	const char *path;
	int fd; /* memory for it */
	enum { PAGE_NEW, PAGE_AWAITED, PAGE_WRITTEN, PAGE_FAILED } state;
};

DEFINE_CLEANUP(struct httpd *, httpd_free);

static void run(void *ud);

static enum MHD_Result respond(
	struct MHD_Connection *conn, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result r;

	if (!response)
		mem_exhausted();
	MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
	r = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result respond_text(struct MHD_Connection *conn, unsigned status, char *text)
{
	return respond(conn, status,
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static void on_written(void *ud, int result)
{
	struct page *page = ud;

	page->state = result == 0 ? PAGE_WRITTEN : PAGE_FAILED;
	MHD_resume_connection(page->conn);
	run(page->httpd);
}

static void write_page(const void *arg, FILE *out)
{
	const struct page *page = arg;
	const struct httpd *h = page->httpd;

	h->ops.write(h->ud, page->path, out);
}

/* The connection rests until a child has written the page. */
static enum MHD_Result begin_page(struct page *page, const char *path)
{
	struct httpd *h = page->httpd;
	struct err e = {0};

	page->path = path;
	page->fd = memfd_create("page", MFD_CLOEXEC);
	if (page->fd < 0)
		err_errno(&e, errno, "making memory for a page");
	else
		scribes_start(h->scribes, page->fd, write_page, page, on_written, page, &e);
	page->path = NULL;
	if (e.msg[0])
		return respond_text(
			page->conn, MHD_HTTP_SERVICE_UNAVAILABLE, xasprintf("%s\n", e.msg));
	page->state = PAGE_AWAITED;
	MHD_suspend_connection(page->conn);
	return MHD_YES;
}

static enum MHD_Result end_page(struct page *page)
{
	off_t size = lseek(page->fd, 0, SEEK_END);

	if (page->state != PAGE_WRITTEN || size < 0)
		return respond_text(page->conn, MHD_HTTP_INTERNAL_SERVER_ERROR,
			xstrdup("this page could not be written\n"));
	/* It closes the descriptor. */
	return respond(page->conn, MHD_HTTP_OK,
		MHD_create_response_from_fd((uint64_t)size, steal_fd(&page->fd)));
}

static struct page *page_new(struct httpd *h, struct MHD_Connection *conn)
{
	struct page *page = xnew0(struct page);

	page->httpd = h;
	page->conn = conn;
	page->fd = -1;
	DL_APPEND(h->pages, page);
	return page;
}

static void on_completed(
	void *ud, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	struct httpd *h = ud;
	struct page *page = *state;

	(void)conn;
	(void)why;
	if (!page)
		return;
	DL_DELETE(h->pages, page);
	closep(&page->fd);
	free(page);
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
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(conn, MHD_HTTP_METHOD_NOT_ALLOWED, xstrdup("use GET\n"));
	status = h->ops.answer(h->ud, path, &body);
	if (status != 0)
		return respond_text(conn, status, body ? body : xstrdup("no such page\n"));
	*state = page_new(h, conn);
	return begin_page(*state, path);
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
	run(ud);
	return 0;
}

/* Consumes `fd`, also when there are too many. */
static void on_connection(void *ud, int fd)
{
	struct httpd *h = ud;
	union sockaddr_any from = {0};
	socklen_t len = sizeof from;

	if (getpeername(fd, &from.any, &len) < 0)
		close(fd);
	else
		MHD_add_connection(h->daemon, fd, &from.any, len);
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
		on_request, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT, MHD_OPTION_NOTIFY_COMPLETED,
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

int httpd_new(struct httpd **ret, sd_event *loop, const char *at, struct scribes *scribes,
	const struct httpd_ops *ops, void *ud, struct err *e)
{
	CLEANUP(httpd_freep) struct httpd *h = xnew0(struct httpd);
	struct listen where;
	union sockaddr_any addr;
	int r = listen_find(&where, at, e);

	h->listener = -1;
	if (r < 0)
		return r;
	h->scribes = scribes;
	h->ops = *ops;
	h->ud = ud;
	r = open_listener(h, &addr, sockaddr_set(&addr, &where.addr, where.port));
	if (r == 0)
		r = start_daemon(h);
	if (r < 0)
		return err_errno(e, -r, "listening on %s", at);
	r = watch_daemon(h, loop, e);
	if (r < 0)
		return r;
	*ret = steal(h);
	return 0;
}

struct httpd *httpd_free(struct httpd *h)
{
	struct page *page;

	if (!h)
		return NULL;
	acceptor_free(h->acceptor);
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->timer);
	/* libmicrohttpd does not end connections that rest. */
	for (page = h->pages; page; page = page->next)
		if (page->state == PAGE_AWAITED)
			MHD_resume_connection(page->conn);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	closep(&h->listener);
	free(h);
	return NULL;
}
