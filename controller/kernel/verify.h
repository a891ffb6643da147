/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/fleet.h"
#include "net/ipvs.h"

/* What was asked for against what the kernel holds. Pure. */

enum verify_kind {
	VERIFY_SERVICE_MISSING,
	VERIFY_SERVICE_STRAY,     /* in the kernel, asked for by nobody */
	VERIFY_SERVICE_DIFFERENT, /* another scheduler or persistence */
	VERIFY_DEST_MISSING,
	VERIFY_DEST_STRAY,
	VERIFY_DEST_DIFFERENT, /* another weight */
	VERIFY_DEST_DOWN,      /* weight 0 where a health check may have set it: no fault */
};

struct verify_finding {
	enum verify_kind kind;
	const struct virtual_server *vs;    /* NULL for a stray service */
	const struct real_server *real;     /* the real server asked for, if it is about one */
	const struct ipvs_service *service; /* what the kernel holds; NULL when missing */
	const struct ipvs_dest *dest;
};

/* Calls `on_finding` for every difference, in the order of the tables. Both sides are sorted. */
void verify_walk(const struct virtual_server *const wanted[], size_t n_wanted,
	const struct ipvs_table *kernel,
	void (*on_finding)(void *ud, const struct verify_finding *finding), void *ud);

struct verify_report {
	size_t missing;   /* services and real servers that are not there */
	size_t stray;     /* that nobody asked for */
	size_t different; /* with another scheduler, persistence or weight */
	size_t down;      /* set to weight 0 by a health check; no mismatch */
	char first[160];  /* the first mismatch in words: "10.1.1.1:80/tcp: missing" */
};

struct verify_report verify_compare(const struct virtual_server *const wanted[], size_t n_wanted,
	const struct ipvs_table *kernel);

/* How many mismatches; 0 is what we want. */
size_t verify_mismatches(const struct verify_report *r);
