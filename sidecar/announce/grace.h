/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * For how long a load balancer announces while a part is broken that keeps its table true: the
 * controller is away or says nothing, or keepalived does not run. A part is broken from its failure
 * until it has been well for 10 s without a break, so one that fails again and again is, too. What
 * was taken away comes back when all parts have been well for a while, which doubles with each time
 * that follows soon. Only time counts in which somebody looked: who was stopped, and goes on, hears
 * first what it has missed. Pure.
 */

enum {
	GRACE_HOLD = 10 * 1000 * 1000, /* usec that parts have to be well, at first */
	/* The most of it; so long without a fault starts over. */
	GRACE_HOLD_MAX = 300 * 1000 * 1000,
	/* usec without a word after which a controller hangs that pulses, or has said nothing. */
	GRACE_SILENCE = 10 * 1000 * 1000,
	GRACE_STEP = 2 * 1000 * 1000, /* the most that counts between two looks */
};

/* What there is to see. */
struct grace_facts {
	bool is_connected;     /* the controller is */
	uint64_t n_words;      /* that it has said since then */
	bool pulses;           /* it says one every other second; an older one does not */
	bool lacks_keepalived; /* it says that keepalived should run, and does not */
};

/* A part; times are of `clock` below. */
struct grace_part {
	uint64_t broken_since; /* 0: it is not */
	uint64_t well_since;   /* of one that is broken; 0: it is not well now */
};

/* `{0}` is the beginning. */
struct grace {
	uint64_t looked_at; /* by the caller's clock; 0: never */
	uint64_t clock;     /* usec that somebody has looked */
	uint64_t n_words, heard_at;
	struct grace_part controller, keepalived;
	bool hangs;             /* the controller: it is connected, and silent */
	const char *reason;     /* why nothing may be announced, static; NULL: it may be */
	uint64_t back_at;       /* when that ended last; 0: never */
	uint64_t hold, well_at; /* for how long, and since when, all parts have to be well */
};

/*
 * `limit`: usec that a part may be broken, 0: for ever. `now`: of any one clock, never 0. Returns
 * whether `reason` is another one.
 */
bool grace_look(struct grace *g, const struct grace_facts *f, uint64_t limit, uint64_t now);

/* With a reason: usec until all is announced again if all parts stay well; 0: one is broken. */
uint64_t grace_wait(const struct grace *g);
