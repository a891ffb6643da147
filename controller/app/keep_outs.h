/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "lead/members.h"
#include "objects/fleet_rules.h"

/*
 * The addresses that no endpoint may have, for they are of those who make the fleet work: of this
 * pod, its node, the BGP peers, the API server, and the other load balancers with their nodes.
 */
struct keep_outs {
	struct keep_out *items;
	size_t n_items, n_own; /* the others are of the fleet's other load balancers, sorted */
};

/*
 * From the environment (POD_IPS, HOST_IPS and KUBERNETES_SERVICE_HOST of a pod), the configuration
 * and, if that is a pod's, the interfaces of our network namespace. What cannot be read is left
 * out, with a line in the log.
 */
struct keep_outs keep_outs_find(const struct config *config, bool is_pod);

/* The same again, since the configuration has changed; those of the fleet stay. */
void keep_outs_configure(struct keep_outs *k, const struct config *config, bool is_pod);

/* These are the fleet's, sorted, in the place of those told before. */
void keep_outs_tell(struct keep_outs *k, const struct member_address list[], size_t n);

void keep_outs_done(struct keep_outs *k);
