/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "decide/fleet.h"
#include "objects/service.h"
#include "values/ipaddr.h"

/* A Service's wish for one VIP, protocol and port. */
struct claim {
	struct ipaddr vip;
	const struct service_port *port;
	const struct service *service;
	size_t index;                 /* of the Service in the array given */
	const struct service *holder; /* who has it instead; NULL: it is granted */
};

/*
 * The wishes of all Services, some of which may be NULL, with their VIPs in the same place of
 * `verdicts`: sorted by VIP, protocol and port, in a new array that the caller frees. Of several
 * wishes for the same thing the one of the Service created first is granted, and of equally old
 * ones that of the first by namespace and name.
 */
struct claim *claims_settle(size_t *ret_n, const struct service *const services[],
	struct fleet_service *const verdicts[], size_t n_services)
	__attribute__((warn_unused_result));
