/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "values/forward.h"
#include "values/ipaddr.h"
#include "values/tunnel_set.h"

struct refusals;

/* Where the addresses of a Service come from. */
enum addressing {
	ADDRESSING_ASKED,  /* it has what it asks for: manifests, which nobody writes a status to */
	ADDRESSING_STATUS, /* it has what its status says, which the leader writes */
};

/* An address that no endpoint may have. */
struct keep_out {
	struct ipaddr addr;
	const char *what; /* it is, as "the node's own address"; static */
};

/* What decisions go by besides the objects; all borrowed. */
struct fleet_rules {
	const char *fleet;
	bool default_class; /* Services without a class and an annotation are of this fleet */
	enum addressing addressing;
	const struct config_pool *pools; /* none: with ADDRESSING_ASKED any address will do */
	size_t n_pools;
	const struct ipnet *aggregates; /* announced prefixes, which lead here */
	size_t n_aggregates;
	const struct config_peer *peers; /* BGP peers, for what Services say of routes */
	size_t n_peers;
	const struct config_other_peer *other_peers; /* of other load balancers of the fleet */
	size_t n_other_peers;
	bool on_layer_2;               /* VIPs are announced on the nodes' network, not by BGP */
	bool by_program;               /* by a program of the user's, not by BGP either */
	const struct ipnet *endpoints; /* addresses that endpoints may have; none: any */
	size_t n_endpoints;
	size_t per_namespace; /* real servers of one namespace; 0: any number */
	bool only_pods;       /* no endpoints but those that the Service's own selector finds */
	enum forward_method forward;           /* of Services that do not say */
	enum encapsulation encapsulation;      /* of these, too */
	uint16_t gue_port;                     /* UDP's */
	const struct tunnel_set *tunnel_nodes; /* that take tunnels; NULL: none */
	const struct keep_out *keep_out;
	size_t n_keep_out;
	const struct refusals *refusals; /* decide/refusals.h; NULL: nothing was refused */
};

/* The nodes that take tunnels as the configuration says. */
void fleet_rules_nodes(struct tunnel_set *ret, const struct config *c);

/* What the configuration says; the rest is empty. */
struct fleet_rules fleet_rules_of(const struct config *c, enum addressing addressing);
