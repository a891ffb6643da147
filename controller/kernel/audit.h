/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "kernel/differ.h"

/* What was decided against all that the kernel holds. Pure. */

struct audit_ops {
	struct differ_rules (*rules)(void *ud, const struct virtual_server *vs);
	/* Whether what is held raises a question, even if nothing is to be done. */
	bool (*is_doubtful)(
		void *ud, const struct virtual_server *vs, const struct ipvs_service *held);
	bool order; /* whether the order of real servers counts (differ_reorder) */
	bool evict; /* whether connections of UDP to who is down count (differ_evict) */
};

/*
 * The places that have to be looked at again, by themselves; returns how many. Those above `max`
 * are left out. Both sides are sorted.
 */
size_t audit(struct place ret[], size_t max, const struct virtual_server *const servers[],
	size_t n_servers, const struct ipvs_table *table, const struct audit_ops *ops, void *ud);
