/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "bgp/exabgp_api.h"
#include "bgp/passwords.h"
#include "config/config.h"
#include "node/site.h"

/* What kago.yaml says of BGP sessions, at one time. `{0}` is none. */
struct peering {
	struct exabgp_api_peers peers; /* their items are the configuration's */
	json_t *view;                  /* of exabgp.conf */
};

/* `passwords`, `program` and errors: those of exabgp_conf_view. */
int peering_make(struct peering *ret, const struct config *c, const struct site *p,
	const struct passwords *passwords, const char *program, struct err *e);
void peering_done(struct peering *p);

/* Leaves nothing behind. */
struct peering peering_take(struct peering *from);
