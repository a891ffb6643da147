/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The time in which something was heard of Leases: at most HEARD_MAX counts from one thing to the
 * next. Who renews its own Lease every ten seconds hears that at least, and while nothing is heard
 * nobody can be judged: nobody dies because the API server is away, nor in the moment it is back.
 */
enum { HEARD_MAX = 15 * 1000 * 1000 };

struct heard {
	uint64_t clock;
	uint64_t last; /* when something was; 0: never */
};

/* Something is heard now, usec of one monotonic clock. */
static inline void heard_now(struct heard *h, uint64_t now)
{
	if (h->last && now > h->last)
		h->clock += now - h->last < HEARD_MAX ? now - h->last : HEARD_MAX;
	h->last = now;
}
