/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/membership.h"
#include "publish/facts.h"

/* What facts borrow, to be freed after them. */
struct gathered {
	const char **names;
	struct ipaddr *vips;
};
void gathered_done(struct gathered *g);

/*
 * The facts about one Service (publish/facts.h): what it shall have, what became of it in the
 * decision `fleet`, NULL if there is none, and which load balancers announce it.
 */
struct facts gather(struct gathered *ret, const struct membership *members,
	const struct fleet_rules *rules, const struct fleet *fleet, const struct assignment *a);
