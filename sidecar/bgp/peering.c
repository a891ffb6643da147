/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/peering.h"

#include "bgp/exabgp_conf.h"

static struct exabgp_api_peers peers_of(const struct config *c)
{
	struct exabgp_api_peers peers = {c->bgp.peers, c->bgp.n_peers, c->bgp.as, {0}};

	for (size_t i = 0; i < c->bgp.n_peers; i++)
		if (c->bgp.peers[i].as != c->bgp.as)
			peers.kinds.external |= (peer_set)1 << i;
	peers.kinds.extended = route_peers_extended(c->bgp.peers, c->bgp.n_peers);
	return peers;
}

int peering_make(struct peering *ret, const struct config *c, const struct site *p,
	const struct passwords *passwords, const char *program, struct err *e)
{
	json_t *view;
	int r = exabgp_conf_view(&view, c, p, passwords, program, e);

	if (r == 0)
		*ret = (struct peering){peers_of(c), view};
	return r;
}

void peering_done(struct peering *p)
{
	json_decref(p->view);
	*p = (struct peering){0};
}

struct peering peering_take(struct peering *from)
{
	struct peering p = *from;

	*from = (struct peering){0};
	return p;
}
