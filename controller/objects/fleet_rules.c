/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/fleet_rules.h"

#include "base/mem.h"

void fleet_rules_nodes(struct tunnel_set *ret, const struct config *c)
{
	CLEANUP_FREE struct tunnel_node *nodes = xcalloc(c->tunnel.n_nodes, sizeof *nodes);

	for (size_t i = 0; i < c->tunnel.n_nodes; i++)
		nodes[i] = (struct tunnel_node){.name = c->tunnel.nodes[i], .kinds = TUNNEL_ALL};
	tunnel_set_build(ret, nodes, c->tunnel.n_nodes);
}

struct fleet_rules fleet_rules_of(const struct config *c, enum addressing addressing)
{
	return (struct fleet_rules){
		.fleet = c->fleet,
		.default_class = c->kubernetes.default_class,
		.addressing = addressing,
		.pools = c->pools,
		.n_pools = c->n_pools,
		.aggregates = c->bgp.aggregates,
		.n_aggregates = c->bgp.n_aggregates,
		.peers = c->bgp.peers,
		.n_peers = c->bgp.n_peers,
		.other_peers = c->bgp.other_peers,
		.n_other_peers = c->bgp.n_other_peers,
		.on_layer_2 = c->announce == CONFIG_ANNOUNCE_L2,
		.by_program = c->announce == CONFIG_ANNOUNCE_EXEC,
		.endpoints = c->endpoints.allow,
		.n_endpoints = c->endpoints.n_allow,
		.per_namespace = c->endpoints.per_namespace,
		.forward = c->forward,
		.encapsulation = c->tunnel.encapsulation,
		.gue_port = c->tunnel.port,
		.only_pods = c->endpoints.only_pods,
	};
}
