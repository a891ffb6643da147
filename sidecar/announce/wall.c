/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/wall.h"

#include <stdlib.h>

#include "base/sorted.h"

static enum wall_verdict judge_reserved(const struct wall *w, const struct ipnet *net)
{
	for (size_t i = 0; i < w->n_reserved; i++)
		if (ipnet_contains(net, &w->reserved[i].addr))
			return w->reserved[i].why;
	return WALL_PASSES;
}

static bool is_inside(const struct wall *w, const struct ipaddr *addr)
{
	for (size_t i = 0; i < w->n_aggregates; i++)
		if (ipnet_contains(&w->aggregates[i], addr))
			return true;
	return config_pool_of(w->pools, w->n_pools, addr) != NULL;
}

enum wall_verdict wall_judge(const struct wall *w, const struct ipnet *net)
{
	enum wall_verdict reserved;

	if (net->len == 0)
		return WALL_DEFAULT_ROUTE;
	if (!ipaddr_is_unicast(&net->addr))
		return WALL_NO_UNICAST;
	reserved = judge_reserved(w, net);
	if (reserved != WALL_PASSES)
		return reserved;
	if (w->n_pools + w->n_aggregates > 0 && !is_inside(w, &net->addr))
		return WALL_OUTSIDE;
	return WALL_PASSES;
}

const char *wall_why(enum wall_verdict verdict)
{
	static const char *const texts[] = {
		[WALL_PASSES] = "nothing",
		[WALL_DEFAULT_ROUTE] = "it is a default route",
		[WALL_NO_UNICAST] = "it is no unicast address",
		[WALL_POD] = "it is or contains this pod's own address",
		[WALL_NODE] = "it is or contains the node's address",
		[WALL_PEER] = "it is or contains a BGP peer's address",
		[WALL_HOP] = "it is or contains an address of bgp.nextHop",
		[WALL_OUTSIDE] = "it is in none of pools and bgp.aggregates",
	};

	return texts[verdict];
}

const char *wall_remedy(enum wall_verdict verdict)
{
	if (verdict == WALL_OUTSIDE)
		return "add it to pools or bgp.aggregates, or use another VIP";
	return "use a VIP, or an aggregate, that nothing else needs";
}

void wall_refusals_done(struct wall_refusals *r)
{
	free(r->items);
	*r = (struct wall_refusals){0};
}

static int cmp_net(const void *net, const void *item)
{
	const struct wall_refusal *one = item;

	return ipnet_cmp(net, &one->net);
}

enum wall_verdict wall_refusals_find(const struct wall_refusals *r, const struct ipnet *net)
{
	size_t at = sorted_place(net, r->items, r->n_items, sizeof *r->items, cmp_net);

	return at < r->n_items && ipnet_cmp(&r->items[at].net, net) == 0 ? r->items[at].why
									 : WALL_PASSES;
}

static int cmp_refusals(const void *a, const void *b)
{
	const struct wall_refusal *one = a, *other = b;

	return ipnet_cmp(&one->net, &other->net);
}

/* A VIP may be an aggregate, too. */
static void drop_doubles(struct wall_refusals *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_items; i++)
		if (i == 0 || cmp_refusals(&r->items[i], &r->items[i - 1]) != 0)
			r->items[kept++] = r->items[i];
	r->n_items = kept;
}

/* Whether it passes. */
static bool judge_into(struct wall_refusals *r, const struct wall *w, const struct ipnet *net)
{
	enum wall_verdict verdict = wall_judge(w, net);

	if (verdict == WALL_PASSES)
		return true;
	r->items = xreallocarray(r->items, r->n_items + 1, sizeof *r->items);
	r->items[r->n_items++] = (struct wall_refusal){*net, verdict};
	return false;
}

struct vips wall_pass(
	struct wall_refusals *ret_refused, const struct vips *all, const struct wall *w)
{
	struct vips pass = {.items = xcalloc(all->n_items, sizeof *pass.items)};
	struct wall_refusals refused = {0};

	for (size_t i = 0; i < all->n_items; i++) {
		struct ipnet net = ipnet_of(&all->items[i].addr);

		if (judge_into(&refused, w, &net))
			pass.items[pass.n_items++] = all->items[i];
	}
	for (size_t i = 0; i < w->n_aggregates; i++)
		judge_into(&refused, w, &w->aggregates[i]);
	if (refused.n_items > 0)
		qsort(refused.items, refused.n_items, sizeof *refused.items, cmp_refusals);
	drop_doubles(&refused);
	*ret_refused = refused;
	return pass;
}
