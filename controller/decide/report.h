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
	struct report_list refused;  /* by the kernel */
	struct report_list crowded;  /* endpoints left out */
	struct report_list plain;    /* served by NAT in place of a tunnel */
	char *unusable;              /* elements of slices that cannot be used; NULL: none */
	enum reason lack;            /* why some have no virtual server; REASON_NONE: all have */
	bool refused_reals;          /* real servers are: those of the first virtual server */
	char *forbidden;             /* endpoints that it may not have; NULL: none */
	char *scheduler;             /* that it is another one than asked for; NULL: it is not */
	char *affinity;              /* that it is not what it seems; NULL: it is */
	size_t n_servers, n_reals;
};

void report_taken(struct report *r, const struct claim *c);
void report_unserved(struct report *r, const struct claim *c, const struct endpoints *p);
void report_crowded(struct report *r, const struct claim *c, const struct endpoints *p);
void report_unusable(struct report *r, const struct endpoints *p);
/* Endpoints that a Service may not have. */
void report_forbidden(struct report *r, const struct endpoints *p);
/* The kernel refuses a virtual server, or real servers of one. */
void report_refused(struct report *r, const struct claim *c, int error);
void report_refused_reals(struct report *r, const struct endpoints *p);
/* Real servers that get no tunnel, though that is wanted. */
void report_plain(struct report *r, const struct claim *c, const struct endpoints *p);
/* It is another one than asked for, or one that does not hash: then load balancers do not know of
 * each other's clients. */
void report_scheduler(struct report *r, const struct policy *p, enum scheduler scheduler);

/* Writes outcome, reason, complaint and message, and empties the report. */
void report_finish(struct report *r, struct fleet_service *ret);
