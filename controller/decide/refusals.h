/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "objects/names.h"
#include "objects/policy.h"
#include "values/place.h"

/*
 * What the kernel would not take of what was decided. Decisions leave it out, so that it holds
 * nobody else up, and say so to its Service. Pure.
 */
struct refusals;

/* One real server at one place; with an `addr` of family 0 the virtual server itself. */
struct refusal_of {
	struct place place;
	struct ipaddr addr;
	uint32_t port; /* no padding: it is a key */
};

struct refusals *refusals_new(void) __attribute__((warn_unused_result));
struct refusals *refusals_free(struct refusals *r);

/*
 * Remembers that the kernel refused it to this Service, with this errno. False: that was known, or
 * LIMIT_REFUSALS of them are.
 */
bool refusals_add(struct refusals *r, const struct refusal_of *what, const struct objname *service,
	int error);
bool refusals_add_scheduler(struct refusals *r, enum scheduler s);

/*
 * The errno; 0: it was not refused to this Service. `r` may be NULL, as it may for
 * refusals_scheduler.
 */
int refusals_find(
	const struct refusals *r, const struct refusal_of *what, const struct objname *service);
/* Whether the kernel has not got it. */
bool refusals_scheduler(const struct refusals *r, enum scheduler s);

/* How many there are, schedulers apart; whether there is none at all. */
size_t refusals_count(const struct refusals *r);
bool refusals_empty(const struct refusals *r);

/* What becomes of one: it stays; decisions have it again, to see whether the kernel takes it now;
 * or nobody asks for it any more. */
enum refusal_end { REFUSAL_STAYS, REFUSAL_TRIED, REFUSAL_OVER };

/* Asks that of each, and forgets those that were tried before and not refused again: how many. */
size_t refusals_sift(struct refusals *r,
	enum refusal_end (*judge)(
		void *ud, const struct refusal_of *what, const struct objname *service),
	void *ud);

/* Whether it is tried. */
bool refusals_is_tried(const struct refusals *r, const struct refusal_of *what);
void refusals_drop_scheduler(struct refusals *r, enum scheduler s);
