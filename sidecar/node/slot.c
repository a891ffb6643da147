/* SPDX-License-Identifier: Apache-2.0 */
#include "node/slot.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/abstract.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "base/str.h"
#include "node/netlink.h"
#include "node/owners.h"

enum {
	/* Others give up within one look of theirs, if they run meanwhile. */
	LOOKS_MAX = 16,
	/* A listing can lack one name when other sockets come and go while it is made. */
	LISTINGS_MAX = 3,
};

/* What trusted users claim, but for `own` and what the slot has. */
struct look {
	struct slot *slot;
	const struct claim *own; /* the one that matters */
	bool claimed[SLOT_MAX + 1];
	bool rival;   /* somebody claims the metric of `own`, too */
	bool outdone; /* by a name that comes before ours */
};

static void log_impostor(struct slot *s, uint32_t metric, const char *name, uid_t uid)
{
	if (s->told[metric])
		return;
	s->told[metric] = true;
	log_warn("slot.impostor", LOG_STR("name", name), LOG_UINT("uid", uid),
		LOG_STR("effect", "none: it counts for nothing, and keeps no pod out"),
		LOG_STR("remedy", "end the process on the node that holds this abstract socket"));
}

static bool is_own(const struct look *look, const char *name)
{
	const struct slot *s = look->slot;

	return str_equal(name, look->own->name) || str_equal(name, s->claim.name) ||
	       str_equal(name, s->former_claim.name);
}

static void on_claim(void *ud, const char *name, uid_t uid)
{
	struct look *look = ud;
	uint32_t metric = claim_metric(name);

	if (!metric || is_own(look, name))
		return;
	if (!peer_is_trusted(uid)) {
		log_impostor(look->slot, metric, name, uid);
		return;
	}
	look->claimed[metric] = true;
	look->rival |= metric == look->own->metric;
	look->outdone |= metric == look->own->metric && strcmp(name, look->own->name) < 0;
}

static void log_blind(struct slot *s, const struct err *e)
{
	if (!s->told_blind)
		log_info("slot.blind", LOG_ERR(e),
			LOG_STR("effect", "whoever holds a name counts as a load balancer pod"));
	s->told_blind = true;
}

/* False when the kernel does not say. Adds to what is there. */
static bool list(struct look *look)
{
	struct slot *s = look->slot;
	struct err e = {0};

	s->blind = owners_each(s->diag, on_claim, look, &e) < 0;
	if (s->blind)
		log_blind(s, &e);
	return !s->blind;
}

static bool lacks_any(const struct look *look, const bool claimed[static SLOT_MAX + 1])
{
	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		if (claimed[metric] && !look->claimed[metric])
			return true;
	return false;
}

static bool is_taken(const struct slot *s, uint32_t metric)
{
	const struct claim c = claim_plain(metric);
	struct err e = {0};

	return abstract_connect(s->probe, c.name, &e) == 0;
}

void slot_look(struct slot_view *ret, struct slot *s)
{
	struct look look = {.slot = s, .own = &s->claim};
	struct slot_view view = {0};
	int n = 1;

	while (list(&look) && lacks_any(&look, s->claimed) && n < LISTINGS_MAX)
		n++;
	if (!s->blind)
		memcpy(s->claimed, look.claimed, sizeof s->claimed);
	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		view.held[metric] = metric != s->metric &&
				    (s->claimed[metric] || (s->blind && metric != s->former &&
								   is_taken(s, metric)));
	view.contested = look.outdone;
	*ret = view;
}

static uint32_t highest_of(const struct slot_view *v)
{
	uint32_t metric = SLOT_MAX;

	while (metric >= SLOT_MIN && !v->held[metric])
		metric--;
	return metric;
}

/* Of two that come at once one has to see that the other gave up. */
static bool is_alone(struct slot *s, const struct claim *c)
{
	for (int i = 0; i < LOOKS_MAX; i++) {
		struct look look = {.slot = s, .own = c};

		/* A name without a suffix is nobody else's, and there is no other one then. */
		if (!list(&look))
			return !strchr(c->name, '.');
		if (!look.rival || look.outdone)
			return !look.rival;
	}
	return false;
}

/* Errors: -EADDRINUSE. A socket that has got a name cannot get another one. */
static int claim(struct claim *ret, int *ret_fd, struct slot *s, uint32_t metric, struct err *e)
{
	CLEANUP_CLOSE int fd = -1;
	struct claim c;
	int r = claim_bind(&c, s->spares[s->n_spares - 1], metric, !s->blind, e);

	if (r < 0)
		return r;
	fd = s->spares[--s->n_spares];
	if (!is_alone(s, &c))
		return err_set(e, EADDRINUSE, "another pod claims metric %u", metric);
	*ret = c;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* The first metric of `from` to `to` that nobody else claims. Errors: -EBUSY. */
static int claim_first(struct slot *s, uint32_t from, uint32_t to, struct err *e)
{
	for (uint32_t metric = from; metric <= to && s->n_spares > 0; metric++)
		if (claim(&s->claim, &s->fd, s, metric, e) == 0) {
			s->metric = metric;
			return 0;
		}
	return err_set(e, EBUSY,
		"no metric up to %d is free on this node above those of its other load balancer "
		"pods",
		SLOT_MAX);
}

/* One to look with, one for the metric, and one for each time that it can sink. */
static_assert(SOCKETS_N_NAMES == 2 + SLOT_MAX - SLOT_MIN + SLOT_LOST,
	"a pod can sink as often as it likes");

int slot_take(struct slot *ret, struct sockets *node, struct err *e)
{
	struct slot s = SLOT_NONE;
	struct slot_view others;
	int r = netlink_adopt(&s.diag, &node->fds[SOCKETS_OWNERS], NETLINK_SOCK_DIAG, e);

	s.probe = steal_fd(&node->fds[SOCKETS_NAMES]);
	for (int i = 1; i < SOCKETS_N_NAMES; i++)
		s.spares[s.n_spares++] = steal_fd(&node->fds[SOCKETS_NAMES + i]);
	if (r == 0) {
		slot_look(&others, &s);
		r = claim_first(&s, highest_of(&others) + 1, SLOT_MAX, e);
	}
	if (r < 0) {
		slot_release(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void slot_release(struct slot *s)
{
	closep(&s->fd);
	closep(&s->former_fd);
	closep(&s->probe);
	for (size_t i = 0; i < s->n_spares; i++)
		closep(&s->spares[i]);
	netlink_close(s->diag);
	*s = SLOT_NONE;
}

/* Just above the next one below it. */
static uint32_t lowest_for(const struct slot *s, const struct slot_view *others)
{
	uint32_t metric = s->metric;

	while (metric > SLOT_MIN && !others->held[metric - 1])
		metric--;
	return metric;
}

static uint32_t above_all(const struct slot *s, const struct slot_view *others)
{
	uint32_t highest = highest_of(others);

	return (highest > s->metric ? highest : s->metric) + 1;
}

bool slot_move(struct slot *s, const struct slot_view *others)
{
	const uint32_t metric = s->metric;
	const struct claim had = s->claim;
	const int fd = s->fd;
	struct err e = {0};
	int r;

	if (s->former ||
		(!others->contested && metric <= SLOT_LOW && highest_of(others) <= SLOT_LOW))
		return false;
	r = others->contested ? claim_first(s, above_all(s, others), SLOT_MAX, &e)
			      : claim_first(s, lowest_for(s, others), metric - 1, &e);
	if (r < 0)
		return false;
	s->former = metric;
	s->former_claim = had;
	s->former_fd = fd;
	return true;
}

void slot_settle(struct slot *s)
{
	closep(&s->former_fd);
	s->former_fd = -1;
	s->former = 0;
	s->former_claim = (struct claim){0};
}
