/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "values/ipaddr.h"

/*
 * Prefixes as a set of nftables has them: where each one begins, and the address behind its end,
 * unless that is behind the last one. Pure.
 */
struct edge {
	struct ipaddr addr;
	bool ends;
};

struct edges {
	struct edge *items;
	size_t n_items;
};

/* Of prefixes; not settled. */
struct edges edges_of(const struct ipnet nets[], size_t n);
void edges_add(struct edges *e, const struct edge *one);
void edges_done(struct edges *e);

/* Sorted, and as those of the same addresses are, however they are cut into prefixes. */
void edges_settle(struct edges *e);

bool edges_equal(const struct edges *a, const struct edges *b);
