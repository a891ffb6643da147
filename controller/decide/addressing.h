/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "address/pools.h"
#include "decide/fleet.h"
#include "objects/service.h"

/*
 * The VIPs that one Service is served at, into `ret`: those it asks for, or those that its status
 * says, as the rules have it. Without any, or with one that it may not have, outcome, reason and
 * message are set.
 */
void addressing_settle(struct fleet_service *ret, const struct service *s,
	const struct fleet_rules *rules, const struct pools *pools);
