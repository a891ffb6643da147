/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "kernel/differ.h"

/* What was decided against all that the kernel holds. Pure. */

struct audit_ops {
	struct differ_rules (*rules)(void *ud, const struct virtual_server *vs);
	/* Before both are compared: they are at one place. */
	void (*on_pair)(void *ud, const struct virtual_server *vs, const struct ipvs_service *held);
	/* Something has to be done at this place. */
	void (*on_wrong)(void *ud, const struct place *place);
	bool order; /* whether the order of real servers counts (differ_reorder) */
};

struct audit_report {
	size_t missing, stray, different; /* services and real servers */
	size_t unordered;                 /* services */
	char first[IPVS_OP_TEXT + 32]; /* "10.1.1.1 port 80/tcp: missing"; "" when all is right */
};

/* Both sides are sorted. */
struct audit_report audit(const struct virtual_server *const servers[], size_t n_servers,
	const struct ipvs_table *table, const struct audit_ops *ops, void *ud);
