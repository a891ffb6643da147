/* SPDX-License-Identifier: Apache-2.0 */
#include "app/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sockaddr.h"
#include "config/listen.h"
#include "loop/loop.h"

enum { IDLE_TIMEOUT = 30 /* s: a connection that sends nothing is closed */ };

struct httpd {
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	httpd_fn *answer;
	void *ud;
};

DEFINE_CLEANUP(struct httpd *, httpd_free);

static enum MHD_Result respond(struct MHD_Connection *conn, unsigned status, char *body)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result r;

	if (!response)
		mem_exhausted();
	MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
	r = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return r;
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
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond(conn, MHD_HTTP_METHOD_NOT_ALLOWED, xstrdup("use GET\n"));
	status = h->answer(h->ud, path, &body);
	return respond(conn, status, body ? body : xstrdup("no such page\n"));
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

static int start_daemon(struct httpd *h, const union sockaddr_any *addr)
{
	unsigned flags = MHD_USE_EPOLL;

	if (addr->any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR,
		&addr->any, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT, MHD_OPTION_END);
	return h->daemon ? 0 : errno ? -errno : -EIO;
}

static int watch_daemon(struct httpd *h, sd_event *loop, struct err *e)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = info ? sd_event_add_io(loop, &h->io, info->epoll_fd, EPOLLIN, on_io, h) : -EIO;

	if (r < 0)
		return err_errno(e, -r, "watching the HTTP server");
	return loop_timer_new(&h->timer, loop, run, h, e);
}

int httpd_new(struct httpd **ret, sd_event *loop, const char *listen, httpd_fn *answer, void *ud,
	struct err *e)
{
	CLEANUP(httpd_freep) struct httpd *h = xnew0(struct httpd);
	struct listen where;
	union sockaddr_any addr;
	int r = listen_find(&where, listen, e);

	if (r < 0)
		return r;
	sockaddr_set(&addr, &where.addr, where.port);
	h->answer = answer;
	h->ud = ud;
	r = start_daemon(h, &addr);
	if (r < 0)
		return err_errno(e, -r, "listening on %s", listen);
	r = watch_daemon(h, loop, e);
	if (r < 0)
		return r;
	*ret = steal(h);
	return 0;
}

struct httpd *httpd_free(struct httpd *h)
{
	if (!h)
		return NULL;
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->timer);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	free(h);
	return NULL;
}
