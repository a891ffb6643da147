/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"
#include "objects/service.h"

/*
 * Whose word counts for the BGP route to a VIP: that of the oldest Service of those that have the
 * VIP and say something. Whoever says something else is served there all the same, and is told. An
 * aggregate is the operator's: no Service changes its route, for others are behind it, too.
 */

/* What a Service says, with what it may not say by itself: of aggregates, and of unknown peers. */
void routing_judge(
	struct fleet_service *verdict, const struct service *s, const struct fleet_rules *rules);

/* Of all Services, some of which may be NULL, with their VIPs in the same place of `verdicts`. */
void routing_settle(struct fleet_service *const verdicts[], const struct service *const services[],
	size_t n_services);

/* Whether it says what it said before, at the same VIPs; then as much of it is refused as before.
 */
bool routing_keep(struct fleet_service *now, const struct fleet_service *before);

/* What counts for the route to one of its VIPs; NULL: it says nothing, or is refused. Borrowed. */
struct attributes *routing_said(const struct fleet_service *verdict, size_t vip);

/*
 * Whether the route to one of its VIPs goes to peers that other load balancers of the fleet have,
 * and to none of ours: here it is announced to nobody, and that is as it should be.
 */
bool routing_is_elsewhere(
	const struct fleet_service *verdict, size_t vip, const struct fleet_rules *rules);

/* What is to be complained about; NULL: nothing. New. */
char *routing_complaint(const struct fleet_service *verdict);
