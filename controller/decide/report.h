/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "decide/claims.h"
#include "decide/endpoints.h"
#include "decide/fleet.h"

/*
 * What is to be told about one Service, gathered while its virtual servers are made. Long lists are
 * cut after a few items, with the number of the others.
 */

struct report_list {
	char *text;
	size_t n;
};

struct report {
	struct report_list taken;    /* another Service has it */
	struct report_list unserved; /* no endpoint */
	struct report_list crowded;  /* endpoints left out */
	char *unusable;              /* elements of slices that cannot be used; NULL: none */
	char *affinity;              /* that it is not what it seems; NULL: it is */
	size_t n_servers, n_reals;
};

void report_taken(struct report *r, const struct claim *c);
void report_unserved(struct report *r, const struct claim *c, const struct endpoints *p);
void report_crowded(struct report *r, const struct claim *c, const struct endpoints *p);
void report_unusable(struct report *r, const struct endpoints *p);
/* With a scheduler that does not hash, load balancers do not know of each other's clients. */
void report_affinity(struct report *r, const struct policy *p);

/* Writes outcome, reason, complaint and message, and empties the report. */
void report_finish(struct report *r, struct fleet_service *ret);
