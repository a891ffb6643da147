/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "objects/reason.h"
#include "values/ipaddr.h"

/*
 * Which addresses a Service asks for: by its annotations, MetalLB's names for them among these, and
 * by the fields of its spec. docs/annotations.md is the users' side of this.
 */

struct wish {
	struct ipaddr *vips; /* these and no others; sorted, no two alike; none: any */
	size_t n_vips;
	char *pool;  /* from this pool; NULL: from any */
	char *share; /* with Services of its namespace that say the same key; NULL: with nobody */
	/* Without `vips`: of which families, the preferred one first, how many of them it wants,
	 * and without how many it cannot be. */
	int families[2];
	unsigned n_families, n_wanted, n_needed;
};

/*
 * Parses the wish of a Service object. Errors: -EINVAL with "FIELD: what is wrong and what would be
 * right", and the reason for machines in *ret_reason.
 */
int wish_parse(struct wish *ret, enum reason *ret_reason, const json_t *object, struct err *e);
void wish_done(struct wish *w);
bool wish_equal(const struct wish *a, const struct wish *b);

/* "IPv4" or "IPv6". */
const char *wish_family_name(int family);
