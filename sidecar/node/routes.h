/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/announce.h"
#include "node/site.h"
#include "node/slot.h"
#include "sockets/sockets.h"

/*
 * The two ends of a packet's way into the pod (the paper's Fig. 7): in the node's namespace a route
 * for each prefix through the pod's own address, in the pod's namespace a local route. Wanted and
 * found are compared each time, so that whatever was lost comes back and whatever a dead
 * predecessor left goes away. Logs: route.*.
 */
struct routes;

/*
 * Without sockets in `node` the node's routes are left alone. Errors: those of slot_take. `p` must
 * outlive it.
 */
int routes_open(struct routes **ret, struct sockets *node, const struct site *p, struct err *e);
struct routes *routes_close(struct routes *r);
DEFINE_CLEANUP(struct routes *, routes_close);

/*
 * Makes the routes equal to `local` (in the pod) and `node` (in the node's namespace). *ret_ready
 * gets those of `node` that are in place at both ends, also on failure; the caller frees it. A
 * failure does not stop the rest; the first one is reported. While the node has no route to the
 * pod, or does not say, what it has of ours stays, and nothing is added.
 */
int routes_apply(struct prefixes *ret_ready, struct routes *r, const struct prefixes *local,
	const struct prefixes *node, struct err *e);

/*
 * The same, for a change that follows a routes_apply: routes are taken to be as they were left, and
 * only the difference is set. It ends at the first failure, which routes_apply makes good.
 */
int routes_adjust(struct prefixes *ret_ready, struct routes *r, const struct prefixes *local,
	const struct prefixes *node, struct err *e);

/* Our metric, by which the node knows us from other pods (node/slot.h); 0 without node.netns. */
uint32_t routes_metric(const struct routes *r);

/* What other living pods of this node hold, as of the last routes_apply. Borrowed. */
const struct slot_view *routes_others(const struct routes *r);

/* What other living pods of this node have routes for, as of the last routes_apply; whether this
 * is among it. */
const struct prefixes *routes_reserves(const struct routes *r);
bool routes_has_reserve(const struct routes *r, const struct ipnet *net);
