/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"
#include "objects/fleet_rules.h"
#include "objects/store.h"
#include "plan/plan.h"
#include "values/ipaddr.h"
#include "values/place.h"

/*
 * Whom a node asks for a TCP connection that it does not know: the other nodes that have pods of
 * the Service, one after another by name. A pod of each stands for its node, whose kernel finds the
 * right pod by what it tracks; none with the node's own address, where no tunnel ends. Pure, sorted
 * and deterministic.
 *
 * All nodes go by the same order and a packet only ever goes on in it. So it ends, also when nodes
 * do not know the same for a moment: with the last one, which treats it as one that is new.
 */
struct door {
	struct place place;  /* TCP over IPv4 */
	struct ipaddr first; /* for what a load balancer has sent */
	struct ipaddr next;  /* for what another node has sent; family 0: we are the last one */
};

struct doors {
	struct door *items; /* sorted by place; those alone for which there is somebody to ask */
	size_t n_items;
};

/*
 * For the places of `plan`, which are those of `node`'s own pods; of the nodes in
 * rules->tunnel_nodes, the first `max` of those that have pods of a place. Nodes with endpoints
 * that drain come first: what they have is what load balancers send elsewhere.
 */
struct doors *doors_build(const struct store *s, const struct fleet_rules *rules,
	const struct plan *plan, const char *node, size_t max) __attribute__((warn_unused_result));
struct doors *doors_free(struct doors *d);
DEFINE_CLEANUP(struct doors *, doors_free);

bool doors_equal(const struct doors *a, const struct doors *b);
