/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "loop/loop.h"

/*
 * A clock that goes when the test says so, and the timers of loop/loop.h by it: what a test finds
 * does not depend on how fast or busy the machine is. To be linked with ${own_clock_wrapped}.
 */

enum {
	OWN_TIMERS = 16,
	OWN_TURNS = 20,      /* of the loop at each moment, if there is so much to do */
	OWN_PATIENCE = 1000, /* turns until a timer that is due must have been called */
};

static struct {
	uint64_t now;
	struct own_timer {
		sd_event_source *source;
		uint64_t due; /* UINT64_MAX: it is not armed */
	} timers[OWN_TIMERS];
} own;

uint64_t __wrap_loop_clock(void);
uint64_t __wrap_loop_now(sd_event *loop);
void __real_loop_timer_arm(sd_event_source *source, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *source, uint64_t after);
void __real_loop_timer_stop(sd_event_source *source);
void __wrap_loop_timer_stop(sd_event_source *source);
int __real_loop_timer_armed(sd_event_source *source);
int __wrap_loop_timer_armed(sd_event_source *source);

/* At the start of each test: no timer is known. */
static inline void own_clock_begin(void)
{
	memset(&own, 0, sizeof own);
	own.now = 1000 * 1000 * 1000;
}

uint64_t __wrap_loop_clock(void)
{
	return own.now;
}

uint64_t __wrap_loop_now(sd_event *loop)
{
	(void)loop;
	return own.now;
}

static inline struct own_timer *own_timer(sd_event_source *source)
{
	struct own_timer *t = own.timers;

	while (t->source && t->source != source)
		assert_true(++t < own.timers + OWN_TIMERS);
	if (!t->source)
		*t = (struct own_timer){source, UINT64_MAX};
	return t;
}

void __wrap_loop_timer_arm(sd_event_source *source, uint64_t after)
{
	own_timer(source)->due = after < UINT64_MAX - own.now ? own.now + after : UINT64_MAX;
	__real_loop_timer_stop(source);
}

void __wrap_loop_timer_stop(sd_event_source *source)
{
	own_timer(source)->due = UINT64_MAX;
	__real_loop_timer_stop(source);
}

int __wrap_loop_timer_armed(sd_event_source *source)
{
	return own_timer(source)->due != UINT64_MAX || __real_loop_timer_armed(source);
}

/* What need not wait for the clock. */
static inline void own_clock_settle(sd_event *loop)
{
	for (unsigned i = 0; i < OWN_TURNS && sd_event_run(loop, 0) > 0; i++)
		;
}

/* The next of the timers that are due by `end`; NULL if there is none. */
static inline struct own_timer *own_clock_next(uint64_t end)
{
	struct own_timer *next = NULL;

	for (struct own_timer *t = own.timers; t < own.timers + OWN_TIMERS && t->source; t++)
		if (t->due != UINT64_MAX && t->due <= end && (!next || t->due < next->due))
			next = t;
	return next;
}

static inline void own_clock_call(sd_event *loop, struct own_timer *t)
{
	if (t->due > own.now)
		own.now = t->due;
	t->due = UINT64_MAX;
	__real_loop_timer_arm(t->source, 0);
	for (unsigned i = 0; __real_loop_timer_armed(t->source); i++) {
		assert_in_range(i, 0, OWN_PATIENCE);
		assert_true(sd_event_run(loop, UINT64_MAX) >= 0);
	}
}

/* Lets so much time pass. */
static inline void own_clock_pass(sd_event *loop, uint64_t usec)
{
	uint64_t end = own.now + usec;
	struct own_timer *next;

	own_clock_settle(loop);
	while ((next = own_clock_next(end))) {
		own_clock_call(loop, next);
		own_clock_settle(loop);
	}
	own.now = end;
}
