/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * When keepalived may be reloaded next. A reload starts every health check anew, so that under
 * changes without end none would ever finish; after PACE_STARVED check times without a rest, one
 * gap is made long enough for them, but not for those that are slower than PACE_CHECK_MAX: one
 * Service must not set the pace of all. Pure; times are usec of any one clock.
 */
enum { PACE_STARVED = 4, PACE_CHECK_MAX = 10 * 1000 * 1000 };

struct pace {
	uint64_t min_gap;
	uint64_t last;   /* the last reload; 0: none yet */
	uint64_t rested; /* the last reload that came after a rest of a check time */
};

/*
 * The earliest time for the next reload: 0 for the first. `check_time`: how long the slowest health
 * check needs from a reload to its verdict, 0 when none is in use.
 */
uint64_t pace_due(const struct pace *p, uint64_t check_time);

/* Tells it of a reload at `now`. */
void pace_reloaded(struct pace *p, uint64_t now, uint64_t check_time);
