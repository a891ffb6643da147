/* SPDX-License-Identifier: Apache-2.0 */
#include "node/supply.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "loop/backoff.h"
#include "loop/loop.h"
#include "sockets/passing.h"

enum {
	FIRST_PAUSE = 100 * 1000, /* usec; both containers start at about the same time */
	LAST_PAUSE = 5 * 1000 * 1000,
	PATIENCE = 5 * 1000 * 1000, /* with who lets us in and then is silent */
};

struct supply {
	sd_event *loop;
	const char *path;
	void (*on_sockets)(void *ud, struct sockets *s);
	void *ud;
	sd_event_source *timer, *io;
	int fd; /* -1: between two tries */
	struct backoff backoff;
	unsigned n_misses;
	char told[ERR_MSG_SIZE]; /* what the log has said last */
};

static void hang_up(struct supply *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	closep(&s->fd);
	s->fd = -1;
}

static void miss(struct supply *s, const struct err *e)
{
	hang_up(s);
	loop_timer_arm(s->timer, backoff_next(&s->backoff, 0));
	/* The first try may have been too early. */
	if (s->n_misses++ == 0 || strcmp(s->told, e->msg) == 0)
		return;
	memcpy(s->told, e->msg, sizeof s->told);
	log_warn("sockets.waiting", LOG_ERR(e),
		LOG_STR("effect", "nothing is announced; routes of the node stay as they are"),
		LOG_STR("remedy", "look at the container node-sockets"),
		LOG_STR("next", "tried again every few seconds"));
}

static void hand_over(struct supply *s, struct sockets *got)
{
	hang_up(s);
	loop_timer_stop(s->timer);
	log_info("sockets.received", LOG_STR("from", s->path), LOG_UINT("n", sockets_count(got)));
	s->on_sockets(s->ud, got);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	CLEANUP_SOCKETS struct sockets got = SOCKETS_NONE;
	struct supply *s = ud;
	struct err e = {0};
	int r = passing_receive(&got, fd, &e);

	(void)source;
	(void)events;
	if (r == 0)
		hand_over(s, &got);
	else if (r != -EAGAIN && r != -EINTR)
		miss(s, &e);
	return 0;
}

static int dial(struct supply *s, struct err *e)
{
	int r = passing_connect(&s->fd, s->path, e);

	if (r < 0)
		return r;
	r = sd_event_add_io(s->loop, &s->io, s->fd, EPOLLIN, on_readable, s);
	return r < 0 ? err_errno(e, -r, "waiting for sockets") : 0;
}

static void on_time(void *ud)
{
	struct supply *s = ud;
	struct err e = {0};

	if (s->fd >= 0)
		err_set(&e, ETIMEDOUT, "%s does not answer", s->path);
	else if (dial(s, &e) == 0)
		loop_timer_arm(s->timer, PATIENCE);
	if (e.code)
		miss(s, &e);
}

int supply_open(struct supply **ret, sd_event *loop, const char *path,
	void (*on_sockets)(void *ud, struct sockets *s), void *ud, struct err *e)
{
	CLEANUP(supply_closep) struct supply *s = xnew0(struct supply);
	int r;

	s->loop = loop;
	s->path = path;
	s->on_sockets = on_sockets;
	s->ud = ud;
	s->fd = -1;
	s->backoff = (struct backoff){.min = FIRST_PAUSE, .max = LAST_PAUSE};
	r = loop_timer_new(&s->timer, loop, on_time, s, e);
	if (r < 0)
		return r;
	loop_timer_arm(s->timer, 0);
	*ret = steal(s);
	return 0;
}

struct supply *supply_close(struct supply *s)
{
	if (!s)
		return NULL;
	hang_up(s);
	sd_event_source_disable_unref(s->timer);
	free(s);
	return NULL;
}
