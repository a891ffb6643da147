/* SPDX-License-Identifier: Apache-2.0 */
#include "doorkeeper.h"

#include "base/log.h"
#include "base/mem.h"

static void reserve(struct doorkeeper *d, const struct ipaddr *addr, enum wall_verdict why)
{
	if (addr->family)
		d->reserved[d->wall.n_reserved++] = (struct wall_reserved){*addr, why};
}

static void set_wall(struct doorkeeper *d, const struct config *c, const struct site *site)
{
	d->wall = (struct wall){
		.pools = c->pools,
		.n_pools = c->n_pools,
		.aggregates = c->bgp.aggregates,
		.n_aggregates = c->bgp.n_aggregates,
		.reserved = d->reserved,
	};
	reserve(d, &site->pod.v4, WALL_POD);
	reserve(d, &site->pod.v6, WALL_POD);
	reserve(d, &site->node.v4, WALL_NODE);
	reserve(d, &site->node.v6, WALL_NODE);
	reserve(d, &c->bgp.next_hop.ipv4.address, WALL_HOP);
	reserve(d, &c->bgp.next_hop.ipv6.address, WALL_HOP);
	for (size_t i = 0; i < c->bgp.n_peers; i++) {
		reserve(d, &c->bgp.peers[i].address, WALL_PEER);
		reserve(d, &c->bgp.peers[i].local_address, WALL_POD);
	}
	for (size_t i = 0; i < c->bgp.n_other_peers; i++)
		reserve(d, &c->bgp.other_peers[i].address, WALL_PEER);
}

void doorkeeper_set(struct doorkeeper *d, const struct config *c, const struct site *site)
{
	set_wall(d, c, site);
	d->aggregates = xreallocarray(d->aggregates, d->wall.n_aggregates, sizeof *d->aggregates);
	d->n_aggregates = 0;
	for (size_t i = 0; i < d->wall.n_aggregates; i++)
		if (wall_judge(&d->wall, &d->wall.aggregates[i]) == WALL_PASSES)
			d->aggregates[d->n_aggregates++] = d->wall.aggregates[i];
}

void doorkeeper_done(struct doorkeeper *d)
{
	free(d->aggregates);
	wall_refusals_done(&d->refused);
}

static void log_new(const struct wall_refusals *before, const struct wall_refusals *now)
{
	char net[IPNET_TEXT];

	for (size_t i = 0; i < now->n_items; i++) {
		const struct wall_refusal *r = &now->items[i];

		if (wall_refusals_find(before, &r->net) != r->why)
			log_warn("vip.refused", LOG_STR("prefix", ipnet_format(net, &r->net)),
				LOG_STR("why", wall_why(r->why)),
				LOG_STR("effect", "neither announced nor routed"),
				LOG_STR("remedy", wall_remedy(r->why)));
	}
}

struct vips doorkeeper_pass(struct doorkeeper *d, const struct vips *all)
{
	CLEANUP_WALL_REFUSALS struct wall_refusals before = d->refused;
	struct vips pass = wall_pass(&d->refused, all, &d->wall);

	log_new(&before, &d->refused);
	return pass;
}

const char *doorkeeper_why_not(const struct doorkeeper *d, const struct ipnet *net)
{
	enum wall_verdict verdict = wall_refusals_find(&d->refused, net);

	return verdict == WALL_PASSES ? NULL : wall_why(verdict);
}
