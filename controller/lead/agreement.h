/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "values/sketch.h"

/*
 * Whether the tables of other load balancers are equal to ours, by what each says of its own in its
 * Lease (LEASE_TABLES), a sketch. News take up to 10 s to be looked for in a kernel, and as long to
 * be in a Lease; so a difference counts when it has been the same for AGREEMENT_SETTLES, and from
 * then on until it is gone, whatever becomes of it meanwhile. Of more differences than sketches can
 * tell it is known that they are there. Pure; times are passed in, usec of one monotonic clock.
 */
enum { AGREEMENT_SETTLES = 30 * 1000 * 1000 };

struct agreement;

struct agreement *agreement_new(void);
struct agreement *agreement_free(struct agreement *a);
DEFINE_CLEANUP(struct agreement *, agreement_free);

/* These are ours now. */
void agreement_ours(struct agreement *a, const struct sketch *ours, uint64_t now);

/*
 * The load balancer `pod` lives, and says this of its own: "" is nothing. What is unreadable counts
 * as nothing said, and is in *e.
 */
void agreement_theirs(
	struct agreement *a, const char *pod, const char *text, uint64_t now, struct err *e);

/* It does not live any more. */
void agreement_gone(struct agreement *a, const char *pod);

/* Something in which the two differ. */
struct agreement_difference {
	uint64_t key;       /* of the entries */
	uint64_t values[2]; /* in no order */
	size_t n_values;    /* 1: only one of both has such an entry */
	uint64_t since;     /* when it became as it is */
	bool counts;
};

struct agreement_peer {
	const char *pod;
	bool known; /* both have said something; else there is nothing else here */
	bool equal; /* as far as was said last */
	struct agreement_difference items[SKETCH_DIFFERENT];
	size_t n_items;
	struct agreement_difference more; /* than can be told, as one; its `n_values` is 0: none */
};

/* NULL, or the next one. Borrowed until `a` changes. */
const struct agreement_peer *agreement_next(
	const struct agreement *a, const struct agreement_peer *before);

/* What we have said of our own; NULL: nothing yet. */
const struct sketch *agreement_our_sketch(const struct agreement *a);
