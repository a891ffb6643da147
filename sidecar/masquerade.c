/* SPDX-License-Identifier: Apache-2.0 */
#include "masquerade.h"

#include <errno.h>

#include "base/log.h"
#include "node/netlink.h"
#include "node/tracked.h"

/*
 * A look takes the kernel some 10 ms with a large table, so there are few: one of a session, and
 * of a peer without one as many as its first two minutes have room for.
 */
enum { PAUSE = 10 * 1000 * 1000, N_LOOKS_DOWN = 12 };

struct view {
	struct ipaddr peer;
	struct ipaddr seen_as; /* what was logged; family 0: nothing */
	uint64_t n_changes;    /* of the session that was looked at */
	uint64_t looked_at;
	unsigned n_looks; /* since that change */
};

struct masquerade {
	struct nl_sock *sock; /* NULL: the kernel cannot say */
	const struct site *site;
	struct view views[LIMIT_BGP_PEERS]; /* in the order of sessions */
};

struct masquerade *masquerade_new(struct nl_sock *tracking, const struct site *site)
{
	struct masquerade *m = xnew0(struct masquerade);

	m->sock = tracking;
	m->site = site;
	return m;
}

struct masquerade *masquerade_free(struct masquerade *m)
{
	if (!m)
		return NULL;
	netlink_close(m->sock);
	free(m);
	return NULL;
}

static bool is_due(const struct view *v, const struct session *s, uint64_t now)
{
	if (v->n_looks == 0 || v->n_changes != s->n_changes)
		return true;
	return !s->up && v->n_looks < N_LOOKS_DOWN && now - v->looked_at >= PAUSE;
}

/* The address that sessions to the peer come from, as the pod has it; NULL if it has none. */
static const struct ipaddr *own_address(const struct masquerade *m, const struct config_peer *p)
{
	return p->local_address.family ? &p->local_address
				       : dual_of(&m->site->pod, p->address.family);
}

static void tell(struct view *v, const struct config_peer *p, const struct ipaddr *own,
	const struct ipaddr *seen)
{
	char peer[IPADDR_TEXT], pod[IPADDR_TEXT], as[IPADDR_TEXT];
	bool was_hidden = v->seen_as.family && !ipaddr_equal(&v->seen_as, own);

	ipaddr_format(peer, &p->address);
	ipaddr_format(pod, own);
	ipaddr_format(as, seen);
	log_debug("bgp.source", LOG_STR("peer", peer), LOG_STR("seen_as", as));
	if (ipaddr_equal(&v->seen_as, seen))
		return;
	v->seen_as = *seen;
	if (!ipaddr_equal(seen, own))
		log_warn("bgp.masqueraded", LOG_STR("peer", peer), LOG_STR("pod", pod),
			LOG_STR("seen_as", as),
			LOG_STR("effect",
				"the peer takes one load balancer of this node at most, and "
				"no TCP MD5 password"),
			LOG_STR("remedy",
				"take the peer's address out of what the CNI plugin or its "
				"agent masquerades"));
	else if (was_hidden)
		log_info("bgp.own_address", LOG_STR("peer", peer), LOG_STR("pod", pod));
}

/* Unless the kernel can never say, it is asked again. */
static void look_at(struct masquerade *m, struct view *v, const struct session *s)
{
	const struct config_peer *p = s->config;
	const struct ipaddr *own = own_address(m, p);
	struct tracked_ask ask;
	struct ipaddr seen;
	struct err e = {0};
	int r;

	if (!own)
		return;
	ask = (struct tracked_ask){*own, p->address, p->port, s->up};
	r = tracked_source(&seen, m->sock, &ask, &e);
	if (r == 0 && seen.family)
		tell(v, p, own, &seen);
	if (r < 0)
		log_debug("bgp.source_unknown", LOG_ERR(&e));
	if (r == -EOPNOTSUPP || r == -EINVAL)
		m->sock = netlink_close(m->sock);
}

static void note_look(struct view *v, const struct session *s, uint64_t now)
{
	if (v->n_changes != s->n_changes)
		v->n_looks = 0;
	v->n_changes = s->n_changes;
	v->looked_at = now;
	v->n_looks++;
}

/* Peers come, go and change places. */
static struct view *view_of(struct masquerade *m, size_t i, const struct ipaddr *peer)
{
	if (!ipaddr_equal(&m->views[i].peer, peer))
		m->views[i] = (struct view){.peer = *peer};
	return &m->views[i];
}

void masquerade_look(struct masquerade *m, const struct sessions *s, uint64_t now)
{
	for (size_t i = 0; m && m->sock && i < sessions_count(s); i++) {
		const struct session *session = sessions_at(s, i);
		struct view *v = view_of(m, i, &session->config->address);

		if (!is_due(v, session, now))
			continue;
		note_look(v, session, now);
		look_at(m, v, session);
		return;
	}
}
