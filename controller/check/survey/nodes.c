/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/nodes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/str.h"
#include "lead/lease.h"
#include "values/tunnel_set.h"

static void note(struct some_nodes *nodes, const char *name)
{
	if (nodes->n++ == 0 || strcmp(name, nodes->first) < 0)
		xreplace(&nodes->first, name);
}

static void read_list(struct tunnel_set *ret, struct tunnels_facts *facts, const struct lease *l)
{
	struct tunnel_set now;
	struct err e = {0};

	if (tunnel_set_parse(&now, l->tunnel_nodes, l->node_ips, LIMIT_TUNNEL_NODES_TEXT, &e) < 0) {
		err_wrap(&e, "the Lease %s", l->name);
		xreplace(&facts->error, e.msg);
		return;
	}
	tunnel_set_done(ret);
	*ret = now;
}

/* Without one there is no leader yet, or nobody has an agent. */
static void find_list(
	struct tunnel_set *ret, struct tunnels_facts *facts, const json_t *items, const char *fleet)
{
	CLEANUP_FREE char *name = xasprintf(LEASE_NODES_OF "%s", fleet);
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		struct err unused = {0};
		struct lease l;

		if (lease_decode(&l, item, &unused) == 0 && strcmp(l.name, name) == 0)
			read_list(ret, facts, &l);
	}
}

static void note_agent(
	struct tunnels_facts *facts, const struct tunnel_set *listed, const struct lease *l)
{
	if (!*l->node || tunnel_set_kinds(listed, l->node))
		return;
	note(tunnel_kinds_parse(l->tunnels, ' ') ? &facts->unlisted : &facts->unable, l->node);
}

static void look_at_agents(struct tunnels_facts *facts, const struct tunnel_set *listed,
	const json_t *items, const char *fleet)
{
	CLEANUP_FREE char *prefix = xasprintf(LEASE_TUNNELS_OF "%s.", fleet);
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		struct err unused = {0};
		struct lease l;

		if (lease_decode(&l, item, &unused) == 0 && str_has_prefix(l.name, prefix))
			note_agent(facts, listed, &l);
	}
}

static void look_at_kinds(struct tunnels_facts *facts, const struct tunnel_set *listed)
{
	static const int families[TUNNELS_FAMILIES] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < listed->nodes.n_items; i++)
		for (size_t k = 0; k < TUNNELS_FAMILIES; k++)
			if (!(listed->kinds[i] & tunnel_kind(facts->encapsulation, families[k])))
				note(&facts->lacking[k], listed->nodes.items[i]);
}

void nodes_look(struct tunnels_facts *ret, const json_t *leases, const char *fleet)
{
	CLEANUP(tunnel_set_done) struct tunnel_set listed = {0};
	const json_t *items = json_object_get(leases, "items");

	find_list(&listed, ret, items, fleet);
	if (ret->error)
		return;
	ret->known = true;
	ret->n_nodes = listed.nodes.n_items;
	look_at_kinds(ret, &listed);
	look_at_agents(ret, &listed, items, fleet);
}
