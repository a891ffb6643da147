/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/acceptor.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "loop/loop.h"

enum { PAUSE = 1000 * 1000 /* usec */ };

struct acceptor {
	sd_event_source *io, *timer;
	struct acceptor_ops ops;
	void *ud;
	bool is_short; /* as last told */
};

static bool is_shortage(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS;
}

static void pause_accepting(struct acceptor *a, int code)
{
	struct err why = {0};

	sd_event_source_set_enabled(a->io, SD_EVENT_OFF);
	loop_timer_arm(a->timer, PAUSE);
	if (a->is_short || !a->ops.on_shortage)
		return;
	a->is_short = true;
	err_errno(&why, code, "taking a connection");
	a->ops.on_shortage(a->ud, &why);
}

static void on_pause_over(void *ud)
{
	struct acceptor *a = ud;

	sd_event_source_set_enabled(a->io, SD_EVENT_ON);
}

static int on_readable(sd_event_source *source, int listener, uint32_t events, void *ud)
{
	struct acceptor *a = ud;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	loop_doing(LOOP_HERE("on_readable"));
	(void)source;
	(void)events;
	if (fd >= 0) {
		a->is_short = false;
		a->ops.on_connection(a->ud, fd);
	} else if (is_shortage(errno)) {
		pause_accepting(a, errno);
	}
	return 0;
}

int acceptor_new(struct acceptor **ret, sd_event *loop, int listener,
	const struct acceptor_ops *ops, void *ud, struct err *e)
{
	CLEANUP(acceptor_freep) struct acceptor *a = xnew0(struct acceptor);
	int r = loop_timer_new(&a->timer, loop, on_pause_over, a, e);

	if (r < 0)
		return r;
	a->ops = *ops;
	a->ud = ud;
	r = sd_event_add_io(loop, &a->io, listener, EPOLLIN, on_readable, a);
	if (r < 0)
		return err_errno(e, -r, "watching for connections");
	*ret = steal(a);
	return 0;
}

struct acceptor *acceptor_free(struct acceptor *a)
{
	if (!a)
		return NULL;
	sd_event_source_disable_unref(a->io);
	sd_event_source_disable_unref(a->timer);
	free(a);
	return NULL;
}
