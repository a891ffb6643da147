/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/route.h"
#include "config/config.h"
#include "sockets/sockets.h"
#include "values/ipaddr.h"

/*
 * Where this pod is: its own addresses and its node's. Each comes from the configuration (flag,
 * environment or file) or else is found: the pod's is the address its default route sends from, the
 * node's is the same seen from the node's network namespace.
 */

/* One address a family; family 0 where there is none. */
struct dual {
	struct ipaddr v4, v6;
};

struct site {
	struct dual pod, node;
	struct ipaddr router_id; /* IPv4: the pod's, or made from a hash of its IPv6 address */
};

/*
 * Logs each address and how it was found. `node` may have no sockets. Errors: -ENOENT, with what
 * to set, when the pod or its node has no address at all.
 */
int site_find(struct site *ret, const struct config *c, struct sockets *node, struct err *e);

/* The one of this family, NULL if there is none. */
const struct ipaddr *dual_of(const struct dual *d, int family);

/* Where routes of this family lead (bgp.nextHop), NULL: to nowhere. Borrowed from either. */
const struct ipaddr *site_next_hop(const struct site *s, const struct config *c, int family);

/* The same for routes to this peer, which may lead to the next hop of the other family. */
const struct ipaddr *site_hop_to(
	const struct site *s, const struct config *c, const struct config_peer *peer, int family);

/* Routes lead there, and go to these peers. All are borrowed. */
struct route_rules site_route_rules(const struct site *s, const struct config *c,
	const struct config_peer *peers, size_t n_peers);
