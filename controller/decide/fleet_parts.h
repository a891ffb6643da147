/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "address/pools.h"
#include "decide/claims.h"
#include "decide/fleet.h"
#include "decide/permits.h"
#include "decide/report.h"

/* What fleet_build and fleet_next make a fleet of; for these alone. */

/* What decisions go by besides the objects; made for each anew. */
struct fleet_context {
	const struct fleet_rules *rules;
	struct pools pools;
	struct permits permits;
	uint64_t number; /* of the fleet */
};

void fleet_context_init(
	struct fleet_context *ret, const struct fleet_rules *rules, const struct store *store);
void fleet_context_done(struct fleet_context *c);

/* As fleet_build, after the decision `before`, which may be NULL. */
struct fleet *fleet_build_after(const struct fleet *before, const struct store *s,
	const struct fleet_rules *rules) __attribute__((warn_unused_result));

/* What becomes of a Service as far as its own fields and its addresses say; no reason: it can be
 * served there. */
struct fleet_service *fleet_judge(const struct service *s, const struct fleet_context *context)
	__attribute__((warn_unused_result));

/* NULL: it is not served, which the report says. */
struct virtual_server *fleet_serve_claim(const struct claim *c, const struct fleet_service *owner,
	const struct fleet_context *context, struct report *report);

/* Where a Service is, or belongs. */
size_t fleet_position(const struct fleet *f, const char *ns, const char *name);

/* As fleet_find, to be replaced. */
struct fleet_service *fleet_verdict(const struct fleet *f, const char *ns, const char *name);

/* Whether it is one of the fleet's `without`. */
bool fleet_is_without(const struct fleet_service *verdict);
