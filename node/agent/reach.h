/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "host/device.h"
#include "host/netlink.h"
#include "plan/plan.h"

/* What the node's routes say of the pods of a plan. */
struct reach {
	unsigned mtu; /* the least of the interfaces that lead directly to a pod; 0: none does */
	bool unsure;  /* there is a pod that no route was found to */
	/* Pods whose address is one of the node's own (hostNetwork), and the first of them. */
	size_t n_own;
	struct ipaddr own;
};

/* What was found last; `{0}`: nothing. */
struct way {
	struct ipaddr pod;
	bool known;
	struct device_way way;
};

struct ways {
	struct way *items; /* sorted by pod */
	size_t n_items;
};
void ways_done(struct ways *w);

/*
 * Of the pods of one family; their entries are in *ret_plan, new, but for those of the node's own
 * addresses: tunnels to these may be anybody's, such as those of the network between pods. What
 * `ways` knows is not asked for; it has those of these pods, then. `n` is of NETLINK_ROUTE.
 */
struct reach reach_of(struct plan **ret_plan, struct ways *ways, const struct plan *plan,
	int family, struct netlink *n);
