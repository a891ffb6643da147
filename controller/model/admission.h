/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "model/fleet.h"
#include "model/service.h"
#include "model/store.h"

/*
 * Who is not served at all: a Service that is wrong, one with more than LIMIT_SERVICE_REALS real
 * servers over its VIPs and ports, and one for which those created before it leave no room of
 * LIMIT_FLEET_REALS. It becomes NULL in `services`, and the same place of `ret` tells why.
 */
void admission_check(struct fleet_service ret[], const struct service *services[],
	size_t n_services, const struct store *s);
