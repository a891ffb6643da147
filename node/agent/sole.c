/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/abstract.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/peer.h"
#include "loop/acceptor.h"
#include "loop/loop.h"

enum { BACKLOG = 8, REFUSALS_MAX = 2 };

struct sole {
	sd_event *loop;
	sd_event_source *timer;
	struct acceptor *acceptor;
	char *fleet;
	int listener; /* -1: we do not have the name */
	int probe;    /* connected to who has it; -1: nobody was asked */
	unsigned n_refusals;
	bool holds; /* the node */
	bool told;  /* that another one does */
	void (*on_held)(void *ud);
	void *ud;
};

static void close_probe(struct sole *s)
{
	if (s->probe >= 0)
		close(s->probe);
	s->probe = -1;
}

static void hold(struct sole *s)
{
	if (s->holds)
		return;
	s->holds = true;
	if (s->told)
		log_info("node.free", LOG_STR("next", "we have this node from now on"));
	s->told = false;
	s->on_held(s->ud);
}

static void tell_impostor(struct sole *s, const char *reason)
{
	if (!s->holds)
		log_warn("node.impostor", LOG_STR("socket", "@" SOLE_NAME),
			LOG_STR("reason", reason), LOG_STR("next", "it is ignored"),
			LOG_STR("remedy", "end the process on the node that holds this socket"));
	hold(s);
}

static void tell_taken(struct sole *s)
{
	struct ucred who = {0};
	socklen_t len = sizeof who;
	char fleet[LIMIT_NAME + 1];
	/* What it says is there by now. */
	ssize_t n = recv(s->probe, fleet, sizeof fleet - 1, MSG_DONTWAIT);

	fleet[n > 0 ? n : 0] = '\0';
	getsockopt(s->probe, SOL_SOCKET, SO_PEERCRED, &who, &len);
	log_warn("node.taken", LOG_STR("reason", "another agent has this node"),
		LOG_STR("fleet", n > 0 ? fleet : "unknown"), LOG_INT("uid", who.uid),
		LOG_INT("pid", who.pid), LOG_STR("effect", "ours changes nothing here"),
		LOG_STR("next", "tried again every second"));
	s->told = true;
}

/* A name without a listener is nobody's agent, unless that is just coming or going. */
static void ask(struct sole *s)
{
	struct err e = {0};
	uid_t uid;

	s->probe = abstract_socket(SOCK_STREAM | SOCK_NONBLOCK, &e);
	if (s->probe >= 0 && abstract_connect(s->probe, SOLE_NAME, &e) == 0) {
		if (peer_uid(&uid, s->probe, &e) == 0 && !peer_is_trusted(uid))
			tell_impostor(s, "another user has started it");
		return;
	}
	close_probe(s);
	if (e.code == EAGAIN || ++s->n_refusals < REFUSALS_MAX)
		return;
	tell_impostor(s, e.msg);
}

static void look_at_other(struct sole *s)
{
	if (s->holds || s->told)
		return;
	if (s->probe < 0) {
		ask(s);
		return;
	}
	tell_taken(s);
	close_probe(s);
}

static void on_connection(void *ud, int fd)
{
	const struct sole *s = ud;

	/* The buffer of a new one is empty. */
	send(fd, s->fleet, strlen(s->fleet), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static int listen_at(struct sole *s, int fd, struct err *e)
{
	static const struct acceptor_ops ops = {.on_connection = on_connection};
	int r = abstract_bind(fd, SOLE_NAME, e);

	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = err_errno(e, errno, "listening on @" SOLE_NAME);
	return r < 0 ? r : acceptor_new(&s->acceptor, s->loop, fd, &ops, s, e);
}

/* Without an error when another one has it. */
static int take(struct sole *s, struct err *e)
{
	CLEANUP_CLOSE int fd = abstract_socket(SOCK_STREAM | SOCK_NONBLOCK, e);
	int r = fd < 0 ? fd : listen_at(s, fd, e);

	if (r == 0) {
		s->listener = steal_fd(&fd);
		close_probe(s);
		hold(s);
		return 0;
	}
	if (r != -EADDRINUSE)
		return r;
	*e = (struct err){0};
	look_at_other(s);
	return 0;
}

static void on_time(void *ud)
{
	struct sole *s = ud;
	struct err unused = {0};

	take(s, &unused);
	if (s->listener < 0)
		loop_timer_arm(s->timer, SOLE_RETRY);
}

static void on_nothing(void *ud)
{
	(void)ud;
}

int sole_new(struct sole **ret, sd_event *loop, const char *fleet, void (*on_held)(void *ud),
	void *ud, struct err *e)
{
	CLEANUP(sole_freep) struct sole *s = xnew0(struct sole);
	int r;

	s->loop = loop;
	s->fleet = xstrdup(fleet);
	s->listener = s->probe = -1;
	s->on_held = on_nothing;
	r = loop_timer_new(&s->timer, loop, on_time, s, e);
	if (r == 0)
		r = take(s, e);
	if (r < 0)
		return r;
	s->on_held = on_held;
	s->ud = ud;
	if (s->listener < 0)
		loop_timer_arm(s->timer, SOLE_RETRY);
	*ret = steal(s);
	return 0;
}

struct sole *sole_free(struct sole *s)
{
	if (!s)
		return NULL;
	acceptor_free(s->acceptor);
	if (s->listener >= 0)
		close(s->listener);
	close_probe(s);
	free(s->fleet);
	sd_event_source_disable_unref(s->timer);
	free(s);
	return NULL;
}

bool sole_holds(const struct sole *s)
{
	return s->holds;
}
