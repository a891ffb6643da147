/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "values/ipaddr.h"

/*
 * What shall be announced, derived from which VIPs are usable. Pure: no sockets, no clock; the same
 * input gives the same output.
 */

/*
 * A set of prefixes, sorted by ipnet_cmp, without duplicates. `{0}` is the empty set. What combines
 * two sets goes through each of them once.
 */
struct prefixes {
	struct ipnet *items;
	size_t n_items;
};

void prefixes_done(struct prefixes *p);
#define CLEANUP_PREFIXES CLEANUP(prefixes_done)

/* Keeps the set sorted; adding what is there already changes nothing. */
void prefixes_add(struct prefixes *p, const struct ipnet *net);
void prefixes_remove(struct prefixes *p, const struct ipnet *net);
bool prefixes_has(const struct prefixes *p, const struct ipnet *net);
bool prefixes_equal(const struct prefixes *a, const struct prefixes *b);
struct prefixes prefixes_copy(const struct prefixes *p);
/* Those of `a` that are not in `b`, the first `max` of them. */
struct prefixes prefixes_minus(const struct prefixes *a, const struct prefixes *b, size_t max);
struct prefixes prefixes_common(const struct prefixes *a, const struct prefixes *b);
struct prefixes prefixes_union(const struct prefixes *a, const struct prefixes *b);

struct vip {
	struct ipaddr addr;
	bool usable; /* at least one of its services has a real server of weight above 0 */
};

/* Sorted by address, without duplicates. `{0}` is the empty set. */
struct vips {
	struct vip *items;
	size_t n_items;
};

/* How VIPs become prefixes. */
struct announce_rules {
	const struct ipnet *aggregates; /* announced in place of the VIPs they contain */
	size_t n_aggregates;
	bool next_hop4, next_hop6; /* families that have a next hop; the others are not announced */
};

/* The prefixes to announce for these VIPs: those which can be served. */
struct prefixes announce_build(const struct vips *v, const struct announce_rules *rules);

/*
 * The prefixes that shall be local addresses of the pod (`all`: also VIPs that have no usable real
 * server, whose connections may still be draining) or be routed to it by the node (not `all`): each
 * VIP on its own, and each announced aggregate so that packets to its unused addresses end in the
 * pod instead of circling between node and router. `servable` is what announce_build gives.
 */
struct prefixes announce_routed(const struct vips *v, const struct announce_rules *rules,
	const struct prefixes *servable, bool all);

/* Whether some VIP in the prefix is usable. */
bool announce_leads_somewhere(const struct vips *v, const struct ipnet *net);

/* Why a prefix is not announced: "no usable real server" or "gone from IPVS". */
const char *announce_why_not(const struct vips *v, const struct ipnet *net);
