/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "values/place.h"

/*
 * Places of which a real server was removed so that its connections end (differ_evict), and when it
 * may come again: each at a time of its own, the later the sooner it was removed again. Times are
 * usec of any one clock.
 */
struct evictions;

enum {
	EVICTIONS_MIN = 500 * 1000, /* usec until connections have ended */
	EVICTIONS_MAX = 10 * 1000 * 1000,
};

/* No place waits. */
#define EVICTIONS_NEVER UINT64_MAX

struct evictions *evictions_new(void) __attribute__((warn_unused_result));
struct evictions *evictions_free(struct evictions *e);

/* One was removed there. Of a place that waits already the time stays as it is. */
void evictions_note(struct evictions *e, const struct place *place, uint64_t now);

bool evictions_wait(const struct evictions *e, const struct place *place);

/* When the next place is due. */
uint64_t evictions_due(const struct evictions *e);

/* Takes a place that is due, which waits no more; false: there is none. */
bool evictions_take(struct place *ret, struct evictions *e, uint64_t now);
