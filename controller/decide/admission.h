/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/fleet.h"
#include "objects/service.h"

/* How many real servers it has at most: an endpoint may be there twice, or not be ready. */
size_t admission_count(const struct fleet_service *verdict, const struct service *service);

/*
 * Who is not served at all: a Service with more than LIMIT_SERVICE_REALS real
 * servers over its VIPs and ports, or one for which those created before it leave no room of
 * LIMIT_FLEET_REALS and LIMIT_FLEET_SOURCES. It becomes NULL in `services`, and the same place of
 * `verdicts` tells why. Those that are NULL already are left alone; the others have their VIPs in
 * `verdicts`.
 */
void admission_check(struct fleet_service *const verdicts[], const struct service *services[],
	size_t n_services);

/* Whether it was refused for want of room, as others may be, too. */
bool admission_refused(const struct fleet_service *verdict);
