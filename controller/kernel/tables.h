/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kernel/audit.h"
#include "values/sketch.h"

/*
 * What decides at which real server a new connection ends, of each service that the kernel hashes
 * with `mh`, as an entry of a sketch: the kernel's list in its order, with addresses, ports,
 * forwarding methods and weights, and the flags that count. Load balancers compare these
 * (lead/agreement.h): where they are equal, so are the tables that the kernels fill from them
 * (net/maglev.h). Pure.
 *
 * A real server that our health checks have taken down has its place in the table, like one that is
 * up. It counts with its weight of before in all parts of an entry but the one for health checks.
 */

/* The key of the entry: of the place. */
uint64_t tables_key(const struct place *place);

/* `vs` is what is wanted there, NULL for nothing. */
struct sketch_entry tables_entry(const struct virtual_server *vs, const struct ipvs_service *held,
	const struct differ_rules *rules);

/* All of them; `servers` are sorted. */
void tables_sketch(struct sketch *ret, const struct virtual_server *const servers[],
	size_t n_servers, const struct ipvs_table *table, const struct audit_ops *ops, void *ud);

/* In what two values of one key differ, the worst of it. */
enum tables_kind {
	TABLES_CHECKS,  /* in what health checks have taken down */
	TABLES_ORDER,   /* in the order of the same real servers */
	TABLES_SERVERS, /* in real servers or settings; or one of both has no such service */
};

enum tables_kind tables_compare(uint64_t one, uint64_t other);
