/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "objects/fleet_rules.h"
#include "objects/store.h"
#include "values/ipaddr.h"
#include "values/place.h"

/*
 * What a node has to know of a fleet: where packets for a VIP go that a load balancer has sent to
 * one of its pods. Pure, sorted and deterministic.
 *
 * Endpoints count in any state, ready or not, as long as their slice has them: who gets new
 * connections is for the load balancers to say, and those that a pod has shall find their way. And
 * Services count whether they are forwarded by tunnel or not: one that changes finds its nodes
 * ready, before any load balancer knows of it.
 */

struct plan_entry {
	struct ipaddr pod;
	struct place place; /* of the packets: VIP, protocol and port of the Service; no SCTP */
	uint16_t target;    /* the port of the pod */
};

struct plan {
	struct plan_entry *entries; /* sorted by pod, then place; no two of the same */
	size_t n_entries;
	uint16_t gue_port; /* UDP's, that load balancers send GUE to */
	bool gue;          /* some of it may come so: packets are smaller then */
};

/*
 * A pod all of whose Services say that tunnels end in it (TUNNEL_TO_PODS) is left out: it takes
 * them itself, whether there is an agent or not.
 *
 * Of the endpoints of `node`; NULL: of all that the store has (plan/locals.h). Of Services that
 * lead the same packets of the same pod to several ports the oldest one counts, as it does for load
 * balancers.
 */
struct plan *plan_build(const struct store *s, const struct fleet_rules *rules, const char *node)
	__attribute__((warn_unused_result));
struct plan *plan_free(struct plan *p);
DEFINE_CLEANUP(struct plan *, plan_free);

/* By pod, then place. */
int plan_entry_cmp(const struct plan_entry *a, const struct plan_entry *b);

/* Of their entries. */
bool plan_equal(const struct plan *a, const struct plan *b);

/* What `a` has and `b` has not, or with another target. */
struct plan *plan_minus(const struct plan *a, const struct plan *b)
	__attribute__((warn_unused_result));

/* What `a` or `b` has; both may have a pod and place several times, sorted by target then. */
struct plan *plan_plus(const struct plan *a, const struct plan *b)
	__attribute__((warn_unused_result));
