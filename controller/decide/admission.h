/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/fleet.h"
#include "objects/service.h"

/* How many real servers it has at most: an endpoint may be there twice, or not be ready. */
size_t admission_count(const struct fleet_service *verdict, const struct service *service);

struct admission {
	const struct fleet *before; /* the decision before; NULL: there is none */
	size_t per_namespace;       /* real servers that a namespace may have; 0: any number */
};

/*
 * Who is not served at all: a Service with more than LIMIT_SERVICE_REALS real servers over its VIPs
 * and ports, or one for which those that come before it leave no room of LIMIT_FLEET_REALS,
 * LIMIT_FLEET_SOURCES and what its namespace may have. First come those that were served with as
 * much or more, then those that have grown, each by age: who grows takes nothing from others. It
 * becomes NULL in `services`, and the same place of `verdicts` tells why. Those that are NULL
 * already are left alone; the others have their VIPs in `verdicts`. Both are sorted by namespace.
 */
void admission_check(struct fleet_service *const verdicts[], const struct service *services[],
	size_t n_services, const struct admission *by);

/* True: its `n_wanted` is too large whatever others have, and so it is rejected. */
bool admission_reject_large(struct fleet_service *verdict);

/* Whether it was refused for want of room of the fleet, as others may be, too. */
bool admission_is_full(const struct fleet_service *verdict);
