/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "address/pools.h"
#include "objects/fleet_rules.h"
#include "objects/service.h"
#include "objects/slice.h"
#include "objects/store.h"

/*
 * Which endpoints Services may have, whatever EndpointSlices say: whoever may write one could else
 * send clients, with our address, to places that are none of their business (CVE-2021-25740). Pure.
 */
struct permits {
	const struct fleet_rules *rules;
	const struct pools *pools;
	struct keep_out *keep_out; /* sorted */
	size_t n_keep_out;
	struct ipnet *allowed; /* sorted, none inside another */
	size_t n_allowed;
};

/* All is borrowed; the API server's addresses are those of the Service default/kubernetes. */
void permits_init(struct permits *ret, const struct fleet_rules *rules, const struct pools *pools,
	const struct store *store);
void permits_done(struct permits *p);

/* Why a Service may not have this endpoint of a slice: what it "is"; static. NULL: it may. */
const char *permits_refuse(const struct permits *p, const struct service *service,
	const struct slice *slice, const struct ipaddr *addr);
