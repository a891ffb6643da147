/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * The event loop is an sd_event: this adds what both programs do the same way. All callbacks get
 * `ud`. Times are CLOCK_MONOTONIC microseconds.
 */

/*
 * A new loop with SIGPIPE ignored, and SIGTERM and SIGINT blocked and calling `on_stop` each time
 * one comes. Orphans are collected (loop/reaper.h). The caller unrefs it.
 */
int loop_new(sd_event **ret, void (*on_stop)(void *ud), void *ud, struct err *e);

/* Runs until loop_exit; returns its code, or a negative errno. */
int loop_run(sd_event *loop, struct err *e);
void loop_exit(sd_event *loop, int code);

/* How long single events of loop_run held the loop, so that everything else waited. */
enum { LOOP_HOLD_CLASSES = 6, LOOP_HELD_LONG = 20 * 1000 /* usec */ };
struct loop_hold {
	const char *what;    /* the callback, or what it said that it does; static */
	uint64_t took, busy; /* usec by the clock, and of the processor */
};
struct loop_holds {
	struct {
		uint64_t limit; /* usec; UINT64_MAX for the last */
		uint64_t n;     /* events up to it, and above the limit before */
	} classes[LOOP_HOLD_CLASSES];
	uint64_t sum; /* usec */
	struct loop_hold longest;
};
struct loop_holds loop_holds(void);

/* Says what the event that is being handled is about; `what` is static. The last word counts. */
void loop_doing(const char *what);
/* Calls `on_held` after each event that took longer than LOOP_HELD_LONG. */
void loop_on_held(void (*tell)(void *ud, const struct loop_hold *hold), void *ud);

/* What comes first when several events wait; all else is SD_EVENT_PRIORITY_NORMAL. */
enum loop_priority {
	LOOP_LEASES = -30,  /* who leads must say so in time */
	LOOP_OVERDUE = -20, /* what has waited too long for what is still coming in */
	LOOP_ANSWERS = -10, /* of the API server: what is decided next shall know them */
	LOOP_TOLD = -5,     /* by the controller: what is looked at next shall know it */
	LOOP_PATIENT = 10,  /* waits for what is still coming in */
};

/* When this turn of the loop began: the time of the event that is being handled. */
uint64_t loop_now(sd_event *loop);

/* The time at this moment; and that of the calendar, usec since 1970. */
uint64_t loop_clock(void);
int64_t loop_date(void);

/* A name for loop_doing, with the file that it is in. */
#define LOOP_HERE(name) __FILE__ ":" name

/*
 * A one-shot timer that is armed again and again: created disarmed by loop_timer_new, set by
 * loop_timer_arm to fire `after` usec from now (an earlier setting is replaced), stopped by
 * loop_timer_stop. If it holds the loop, that is put down to its callback.
 */
#define loop_timer_new(ret, loop, on_time, ud, e)                                                  \
	loop_timer_new_named(ret, loop, on_time, LOOP_HERE(#on_time), ud, e)
int loop_timer_new_named(sd_event_source **ret, sd_event *loop, void (*on_time)(void *ud),
	const char *what, void *ud, struct err *e);
void loop_timer_arm(sd_event_source *timer, uint64_t after);
void loop_timer_stop(sd_event_source *timer);
int loop_timer_armed(sd_event_source *timer);
