/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "address/pools.h"
#include "decide/claims.h"
#include "decide/fleet.h"
#include "decide/report.h"

/* What fleet_build and fleet_next make a fleet of; for these alone. */

/* What becomes of a Service as far as its own fields and its addresses say; no reason: it can be
 * served there. */
struct fleet_service *fleet_judge(const struct service *s, const struct fleet_rules *rules,
	const struct pools *pools) __attribute__((warn_unused_result));

/* NULL: it is not served, which the report says. */
struct virtual_server *fleet_serve_claim(
	const struct claim *c, const struct fleet_service *owner, struct report *report);

/* Where a Service is, or belongs. */
size_t fleet_position(const struct fleet *f, const char *ns, const char *name);

/* As fleet_find, to be replaced. */
struct fleet_service *fleet_verdict(const struct fleet *f, const char *ns, const char *name);

void fleet_drop_server(struct virtual_server *vs);
void fleet_drop_verdict(struct fleet_service *verdict);
