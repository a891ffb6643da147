/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How long to wait before the next try: `min`, doubling up to `max`, with a random part of up to a
 * quarter so that several load balancers do not try in step. Having worked for longer than `max`
 * starts over.
 */
struct backoff {
	uint64_t min, max; /* usec; set by the owner */
	uint64_t last;     /* the last delay, 0 at first */
};

/* The next delay. `worked_for` is how long the thing ran before it failed, in usec. */
uint64_t backoff_next(struct backoff *b, uint64_t worked_for);
