/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/announce.h"
#include "config/pool.h"

/*
 * The outer wall: what may be announced and routed at all, whatever IPVS holds. It is made of the
 * configuration and of where this pod is, so that nothing the controller does can move it. Pure.
 */

enum wall_verdict {
	WALL_PASSES,
	WALL_DEFAULT_ROUTE,
	WALL_NO_UNICAST,
	WALL_POD,     /* the pod's own address */
	WALL_NODE,    /* its node's */
	WALL_PEER,    /* a BGP peer's */
	WALL_HOP,     /* where routes lead (bgp.nextHop) */
	WALL_OUTSIDE, /* neither in the pools nor in bgp.aggregates */
};

/* An address that is no VIP, and in no aggregate. */
struct wall_reserved {
	struct ipaddr addr;
	enum wall_verdict why;
};

/* All borrowed. Without pools and aggregates all but the reserved ones may be VIPs. */
struct wall {
	const struct config_pool *pools;
	size_t n_pools;
	const struct ipnet *aggregates; /* all of the configuration */
	size_t n_aggregates;
	const struct wall_reserved *reserved;
	size_t n_reserved;
};

/* Of a VIP as a prefix of its own, or of an aggregate of the configuration. */
enum wall_verdict wall_judge(const struct wall *w, const struct ipnet *net);

/* For the log: what is wrong with it, and what would be right. */
const char *wall_why(enum wall_verdict verdict);
const char *wall_remedy(enum wall_verdict verdict);

/* What does not pass, and why; sorted by prefix. `{0}` is the empty list. */
struct wall_refusals {
	struct wall_refusal {
		struct ipnet net;
		enum wall_verdict why;
	} * items;
	size_t n_items;
};

void wall_refusals_done(struct wall_refusals *r);
#define CLEANUP_WALL_REFUSALS CLEANUP(wall_refusals_done)

/* WALL_PASSES if it is not in the list. */
enum wall_verdict wall_refusals_find(const struct wall_refusals *r, const struct ipnet *net);

/* The VIPs that pass. `ret_refused` gets the others, and the aggregates that do not pass. */
struct vips wall_pass(
	struct wall_refusals *ret_refused, const struct vips *all, const struct wall *w);
