/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/told.h"

#include "base/limits.h"

void told_done(struct told *t)
{
	routes_out_done(&t->wanted);
	routes_out_done(&t->taken);
	routes_out_done(&t->due);
	prefixes_done(&t->heard);
}

/* Places of peers, but for these. */
static void places_without(int ret[LIMIT_BGP_PEERS], peer_set peers)
{
	for (size_t i = 0; i < LIMIT_BGP_PEERS; i++)
		ret[i] = (peers & (peer_set)1 << i) ? PEER_GONE : (int)i;
}

void told_hold_back(struct told *t, peer_set untold)
{
	int now[LIMIT_BGP_PEERS];

	t->untold = untold;
	places_without(now, untold);
	routes_out_done(&t->due);
	t->due = routes_out_copy(&t->wanted);
	if (untold)
		routes_out_renumber(&t->due, now, t->n_peers);
}

void told_want(struct told *t, const struct routes_out *wanted)
{
	routes_out_done(&t->wanted);
	t->wanted = routes_out_copy(wanted);
	told_hold_back(t, t->untold);
}

void told_lose(struct told *t, peer_set lost)
{
	int now[LIMIT_BGP_PEERS];

	places_without(now, lost);
	routes_out_renumber(&t->taken, now, t->n_peers);
	told_hold_back(t, t->untold | lost);
}

void told_forget(struct told *t)
{
	routes_out_done(&t->taken);
	told_hold_back(t, 0);
}

void told_renumber(struct told *t, const int now[], size_t n_peers)
{
	routes_out_renumber(&t->taken, now, t->n_peers);
	routes_out_renumber(&t->wanted, now, t->n_peers);
	t->n_peers = n_peers;
	told_hold_back(t, 0);
}

void told_hear(struct told *t, peer_set up)
{
	prefixes_done(&t->heard);
	t->heard = routes_out_of(&t->taken, up);
}

bool told_all(const struct told *t)
{
	return routes_out_equal(&t->taken, &t->due);
}
