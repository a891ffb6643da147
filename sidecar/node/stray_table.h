/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "node/served.h"
#include "node/slot.h"

/* The table of one family that node/strays.h tells of, and what we have put there. */
struct stray_table {
	int family;
	const char *device;   /* of kago-node: what comes out of it is for pods of this node */
	struct nl_sock *sock; /* borrowed */
	uint32_t metric;      /* of the table that is there; 0: there is none */
	size_t n_rules;
	struct prefixes some;
	struct served served;
};

/* What there is counts for nothing: the next stray_table_set makes all of it. */
void stray_table_forget(struct stray_table *t);

/*
 * Makes it so; may take `served` over. It has to be forgotten after a failure. What was there under
 * another metric stays.
 */
int stray_table_set(struct stray_table *t, uint32_t metric, const struct prefixes *some,
	struct served *served, struct err *e);

/* Whether nothing is missing. */
int stray_table_is_whole(bool *ret, const struct stray_table *t, struct err *e);

/* The metrics of which there are tables, by whomever. */
int stray_table_list(bool ret[static SLOT_MAX + 1], const struct stray_table *t, struct err *e);

/* The one of any metric. Errors: -ENOENT when there is none. */
int stray_table_remove(const struct stray_table *t, uint32_t metric, struct err *e);
