/* SPDX-License-Identifier: Apache-2.0 */
#include "check/layer2.h"

#include <string.h>

enum { NEAR_IPV4 = 2, NEAR_IPV6 = 6 }; /* bytes that addresses of one network have in common */

static const struct {
	int family;
	const char *name;
	size_t near;
} families[] = {{AF_INET, "IPv4", NEAR_IPV4}, {AF_INET6, "IPv6", NEAR_IPV6}};

static const struct ipaddr *node_address(const struct layer2_facts *l, int family)
{
	for (size_t i = 0; i < l->n_node; i++)
		if (l->node[i].family == family)
			return &l->node[i];
	return NULL;
}

static bool is_in(const struct config_range *r, const struct ipaddr *a)
{
	return ipaddr_cmp(&r->first, a) <= 0 && ipaddr_cmp(a, &r->last) <= 0;
}

static bool is_near(const struct config_range *r, const struct ipaddr *node, size_t n_bytes)
{
	return memcmp(r->first.bytes, node->bytes, n_bytes) == 0 ||
	       memcmp(r->last.bytes, node->bytes, n_bytes) == 0 || is_in(r, node);
}

/* What pools have of one family. */
struct part {
	bool any;
	bool near; /* one of them is near the node's address */
};

static struct part part_of(const struct config *c, size_t which, const struct ipaddr *node)
{
	struct part s = {false, false};

	for (size_t i = 0; i < c->n_pools; i++)
		for (size_t k = 0; k < c->pools[i].n_ranges; k++) {
			const struct config_range *r = &c->pools[i].ranges[k];

			if (r->first.family != families[which].family)
				continue;
			s.any = true;
			s.near |= node && is_near(r, node, families[which].near);
		}
	return s;
}

static void judge_family(
	struct findings *f, const struct layer2_facts *l, const struct config *c, size_t which)
{
	const struct ipaddr *node = node_address(l, families[which].family);
	const struct part s = part_of(c, which, node);
	char text[IPADDR_TEXT];

	if (s.any && !node)
		findings_bad(f, FINDING_WARNING, "l2",
			"give the nodes addresses of that family, or take these VIPs out of the "
			"pools",
			"pools have %s addresses, and the node has none: nobody answers for them",
			families[which].name);
	else if (s.any && !s.near)
		findings_bad(f, FINDING_WARNING, "l2",
			"name addresses of the node's network in the pools, unless these are of "
			"another network that it has an interface in",
			"no pool has an %s address near the node's, %s: nobody answers for a VIP "
			"outside of the node's networks",
			families[which].name, ipaddr_format(text, node));
}

static void judge_own(struct findings *f, const struct ipaddr *node, const struct config *c)
{
	const struct config_pool *pool = config_pool_of(c->pools, c->n_pools, node);
	char text[IPADDR_TEXT];

	if (pool)
		findings_bad(f, FINDING_WARNING, "l2",
			"leave out of the pools what is somebody's already: addresses of nodes, "
			"routers and other hosts, and those that DHCP gives out",
			"the pool %s has the node's own address, %s", pool->name,
			ipaddr_format(text, node));
}

void layer2_judge(struct findings *f, const struct layer2_facts *l, const struct config *c)
{
	if (c->announce != CONFIG_ANNOUNCE_L2)
		return;
	findings_ok(f, "l2", "VIPs are answered for by ARP and NDP on networks of the node");
	for (size_t i = 0; i < l->n_node; i++)
		judge_own(f, &l->node[i], c);
	for (size_t i = 0; l->n_node && i < sizeof families / sizeof families[0]; i++)
		judge_family(f, l, c, i);
}
