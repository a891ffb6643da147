/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/multi.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/mem.h"
#include "loop/loop.h"

/* With HTTP/1.1, more than there are ever calls. */
enum { CONNECTIONS_MAX = 32 };

struct multi {
	sd_event *loop;
	enum loop_priority priority;
	CURLM *curl;
	sd_event_source *timer;
	struct multi_transfer *starting, *stopping; /* once libcurl has returned */
	bool busy;                                  /* libcurl is at work, and may be calling us */
};

static void put_last(struct multi_transfer **list, struct multi_transfer *t)
{
	while (*list)
		list = &(*list)->next;
	*list = t;
}

static struct multi_transfer *take_first(struct multi_transfer **list)
{
	struct multi_transfer *t = *list;

	if (t)
		*list = steal(t->next);
	return t;
}

static void take_out(struct multi_transfer **list, struct multi_transfer *t)
{
	while (*list && *list != t)
		list = &(*list)->next;
	if (*list)
		*list = steal(t->next);
}

static void start(struct multi *m, struct multi_transfer *t)
{
	t->running = true;
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	if (curl_multi_add_handle(m->curl, t->easy) != CURLM_OK)
		mem_exhausted(); /* the handle is new and we are outside: nothing else is left */
}

static void stop(struct multi *m, struct multi_transfer *t)
{
	if (t->running)
		curl_multi_remove_handle(m->curl, t->easy);
	t->running = false;
}

/* What had to wait for libcurl to return. */
static void catch_up(struct multi *m)
{
	struct multi_transfer *t;

	while ((t = take_first(&m->stopping))) {
		stop(m, t);
		t->removed(t->ud);
	}
	while ((t = take_first(&m->starting)))
		start(m, t);
}

static void tell_ends(struct multi *m)
{
	struct multi_transfer *t;
	const CURLMsg *msg;
	CURLcode result;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		result = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		stop(m, t);
		t->done(t->ud, result);
	}
}

static void act(struct multi *m, curl_socket_t fd, int events)
{
	int running;

	m->busy = true;
	curl_multi_socket_action(m->curl, fd, events, &running);
	m->busy = false;
	catch_up(m);
	tell_ends(m);
}

static void on_time(void *ud)
{
	act(ud, CURL_SOCKET_TIMEOUT, 0);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	int what = 0;

	loop_doing(LOOP_HERE("on_io"));
	(void)source;
	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	act(ud, fd, what);
	return 0;
}

static uint32_t epoll_events(int what)
{
	uint32_t events = 0;

	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	return events;
}

/* `socket_data` is the event source, which libcurl keeps for us. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket_data)
{
	sd_event_source *source = socket_data;
	struct multi *m = ud;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (source)
		return sd_event_source_set_io_events(source, epoll_events(what)) < 0 ? -1 : 0;
	if (sd_event_add_io(m->loop, &source, fd, epoll_events(what), on_io, m) < 0)
		return -1;
	sd_event_source_set_priority(source, m->priority);
	curl_multi_assign(m->curl, fd, source);
	return 0;
}

static int on_timer(CURLM *curl, long timeout_ms, void *ud)
{
	const struct multi *m = ud;

	(void)curl;
	if (timeout_ms < 0)
		loop_timer_stop(m->timer);
	else
		loop_timer_arm(m->timer, (uint64_t)timeout_ms * 1000);
	return 0;
}

int multi_new(struct multi **ret, sd_event *loop, enum loop_priority priority, struct err *e)
{
	struct multi *m;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, EIO, "libcurl does not start");
	m = xnew0(struct multi);
	m->loop = sd_event_ref(loop);
	m->priority = priority;
	m->curl = curl_multi_init();
	if (!m->curl)
		mem_exhausted();
	r = loop_timer_new(&m->timer, loop, on_time, m, e);
	if (r < 0) {
		multi_free(m);
		return r;
	}
	sd_event_source_set_priority(m->timer, m->priority);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	*ret = m;
	return 0;
}

struct multi *multi_free(struct multi *m)
{
	if (!m)
		return NULL;
	curl_multi_cleanup(m->curl);
	sd_event_source_disable_unref(m->timer);
	sd_event_unref(m->loop);
	free(m);
	curl_global_cleanup();
	return NULL;
}

void multi_add(struct multi *m, struct multi_transfer *t)
{
	if (m->busy)
		put_last(&m->starting, t);
	else
		start(m, t);
}

void multi_remove(struct multi *m, struct multi_transfer *t)
{
	if (m->busy) {
		take_out(&m->starting, t);
		put_last(&m->stopping, t);
		return;
	}
	stop(m, t);
	t->removed(t->ud);
}
