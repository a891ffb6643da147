/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "kernel/tables.h"
#include "report/snapshot.h"

/* Whether the tables of the fleet's load balancers are equal (lead/agreement.h), for people and
 * programs. */

/* From good to bad, but for the first. */
enum alike {
	ALIKE_UNKNOWN,  /* one of both has not said anything */
	ALIKE_EQUAL,    /* at the last look of both */
	ALIKE_SETTLING, /* what differs has not done so for long */
	ALIKE_CHECKS,   /* as enum tables_kind, of the worst that counts */
	ALIKE_ORDER,
	ALIKE_SERVERS,
	ALIKE_MANY, /* more than can be told */
};

enum alike alike_of(const struct agreement_peer *p);

/* "equal", "settling", "health checks", "order", "real servers", "many", "unknown". */
const char *alike_name(enum alike a);

/* What concerns a difference, if it is served here; else NULL. */
const struct virtual_server *alike_find(const struct fleet *f, uint64_t key);

/* The part `tables` of the status; NULL if nothing is known. */
json_t *alike_json(const struct snapshot *s) __attribute__((warn_unused_result));
void alike_metrics(FILE *out, const struct snapshot *s);
