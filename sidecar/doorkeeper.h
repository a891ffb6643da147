/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/wall.h"
#include "base/limits.h"
#include "config/config.h"
#include "node/site.h"

/*
 * Which VIPs and aggregates come through the outer wall (announce/wall.h), and a line in the log of
 * each that does not, once. Logs: vip.refused.
 */
struct doorkeeper {
	struct wall wall;
	/* Pod, node, next hop, one a family; peers, our addresses of sessions; others' peers. */
	struct wall_reserved reserved[6 + 2 * LIMIT_BGP_PEERS + LIMIT_OTHER_PEERS];
	struct ipnet *aggregates; /* those that pass */
	size_t n_aggregates;
	struct wall_refusals refused; /* as of the last doorkeeper_pass */
};

/* Both are borrowed. To be called again when the configuration has changed. */
void doorkeeper_set(struct doorkeeper *d, const struct config *c, const struct site *site);
void doorkeeper_done(struct doorkeeper *d);

/* Those which come through; the caller frees them. */
struct vips doorkeeper_pass(struct doorkeeper *d, const struct vips *all);

/* Why it did not come through, or NULL. */
const char *doorkeeper_why_not(const struct doorkeeper *d, const struct ipnet *net);
