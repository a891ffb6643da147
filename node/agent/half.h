/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/forgetting.h"
#include "agent/hands.h"
#include "base/err.h"
#include "base/mem.h"
#include "plan/plan.h"
#include "table/content.h"
#include "values/ipaddr.h"

/*
 * One address family of what the node's kernel holds for us: the tunnel device and the table, kept
 * as they shall be. IPv6 is left alone until there is something of it. Logs: node.*.
 */
struct half;

/* `hands` are borrowed; `forgetting` is told of entries that are gone; borrowed. */
struct half *half_new(int family, const struct hands *hands, struct forgetting *forgetting)
	__attribute__((warn_unused_result));
/* The kernel keeps what it has. */
struct half *half_free(struct half *h);

/*
 * Makes the kernel hold what the plan says of this family. At first what is there is taken over in
 * one transaction, later what has changed is changed. Errors: what is missing; what was there
 * stands.
 */
int half_put(struct half *h, const struct plan *plan, const struct ipnet sources[],
	size_t n_sources, struct err *e);

/*
 * Whether GUE is taken, too. It is tried along with the rest, and no error of it: true also while
 * there is nothing of this family.
 */
bool half_takes_gue(const struct half *h);

/*
 * Looks whether the kernel still holds it, and puts it there again if not. Errors: as half_put,
 * after which half_put takes over what is there; that it could not be looked at is none.
 */
int half_check(struct half *h, struct err *e);

struct half_stats {
	size_t n_wanted;          /* entries that there shall be */
	size_t n_pods, n_entries; /* what the kernel was given last */
	uint64_t n_changes, n_repairs;
	uint64_t n_failures;  /* tries that have failed */
	uint64_t last_change; /* usec since 1970; 0: nothing was written yet */
};
struct half_stats half_stats(const struct half *h);

/* What the kernel has of it, whoever put it there and when. */
struct half_sight {
	bool device, table; /* as they shall be; of the table's content nothing is said */
	size_t n_pods, n_entries, n_vips;
	uint16_t gue_port; /* that is open; 0: none */
	/* Packets, as long as device and table are there: out of tunnels; tunnelled by who may not;
	 * out of tunnels for which there is no entry; sent on to other nodes. */
	uint64_t n_received, n_refused, n_dropped, n_onward;
};
int half_look(struct half_sight *ret, int family, const struct hands *hands, struct err *e);

/* Removes table, GUE port and device, if they are there. Errors: the first; the rest is done. */
int half_remove(int family, const struct hands *hands, struct err *e);
