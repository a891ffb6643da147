/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/site.h"
#include "sockets/sockets.h"

/*
 * Where the node sends packets for a VIP. A route or a rule of the node that is not ours may win
 * over our routes, and then packets never come here. The node's kernel is asked of each VIP before
 * it is announced, again when a route or a rule that concerns it comes or goes, and of some VIPs
 * each second, since not all changes are told. The way to any kago pod of the node is a good one.
 * As long as the kernel does not answer, what was known stands. Logs: vip.diverted, vip.restored,
 * way.unknown, way.known.
 */
struct ways;

/*
 * `changed` is called when more is known than ways_watch could tell at once, never by it. Without
 * sockets in `node` it gives NULL, which all others take: all ways are good then. `site` must
 * outlive it.
 */
int ways_open(struct ways **ret, sd_event *loop, struct sockets *node, const struct site *site,
	void (*changed)(void *ud), void *ud, struct err *e);
struct ways *ways_close(struct ways *w);
DEFINE_CLEANUP(struct ways *, ways_close);

/*
 * The prefixes that have our routes; what is longer than a VIP is passed over. Asks at once about
 * those that are new, as far as time allows. True when more is known than before.
 */
bool ways_watch(struct ways *w, const struct prefixes *routed);

/* To be called each second. */
void ways_ask_some(struct ways *w);

/* The same VIPs, of which those are usable no more whose packets are not known to come to us. */
struct vips ways_usable(const struct ways *w, const struct vips *v);

/* Whether packets for some VIP in the prefix go elsewhere. */
bool ways_divert(const struct ways *w, const struct ipnet *net);
