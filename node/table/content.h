/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "plan/plan.h"
#include "table/ids.h"
#include "values/ipaddr.h"

/* What the sets and maps of the nftables table hold, of one address family. Pure. */

struct content {
	struct plan *plan;
	struct ids ids;      /* of its pods */
	struct ipaddr *vips; /* sorted, no two alike */
	size_t n_vips;
	struct ipnet *sources; /* who may send to pods; sorted, none inside another */
	size_t n_sources;
};

/*
 * Of the entries and sources of a family. Pods that `before` has keep their numbers. Errors: those
 * of ids_next.
 */
int content_build(struct content **ret, int family, const struct plan *plan,
	const struct ipnet sources[], size_t n_sources, const struct ids *before, struct err *e);
struct content *content_free(struct content *c);
DEFINE_CLEANUP(struct content *, content_free);

bool content_is_empty(const struct content *c);
