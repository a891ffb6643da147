/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "keepalived/plan.h"
#include "kernel/verify.h"
#include "net/ipvs.h"

/*
 * Watches the kernel come to hold what a plan asks for: looks often after a change, and every
 * SETTLE_DRIFT_INTERVAL later on, for keepalived never reads the kernel back.
 */
enum {
	SETTLE_FIRST_LOOK = 2 * 1000,             /* usec */
	SETTLE_SLOWEST_LOOK = 50 * 1000,          /* usec */
	SETTLE_DRIFT_INTERVAL = 10 * 1000 * 1000, /* usec */
};

struct settle;

struct settle_ops {
	/*
	 * The kernel holds the plan. Once after settle_watch, and after on_overdue or on_drift.
	 * `seen_at`: when it was first seen to hold what changed (loop_clock).
	 */
	void (*on_settled)(void *ud, const struct verify_report *report, uint64_t seen_at);
	/*
	 * It still does not, without progress for the time given to settle_new; `times` counts this
	 * from 1, anew after any progress.
	 */
	void (*on_overdue)(void *ud, const struct verify_report *report, unsigned times);
	/* It did, and does no more, though nobody asked for a change. */
	void (*on_drift)(void *ud, const struct verify_report *report);
};

/* `ipvs` is borrowed and must outlive it. */
int settle_new(struct settle **ret, sd_event *loop, struct ipvs *ipvs, uint64_t patience,
	const struct settle_ops *ops, void *ud, struct err *e);
struct settle *settle_free(struct settle *s);

/*
 * Starts to watch for `plan`, which is borrowed until the next call. `before` is the plan that the
 * kernel held so far, or NULL: only what changed is looked at until that is right, then everything.
 */
void settle_watch(struct settle *s, const struct plan *plan, const struct plan *before);

/* Goes on with `plan`, which asks for the same as the one watched so far. */
void settle_adopt(struct settle *s, const struct plan *plan);

/* Removes from the kernel what the plan does not ask for; also, with `different`, what differs. */
void settle_remove_strays(struct settle *s, bool different);

/*
 * Gives real servers that are there the weight they shall have: what a health check had set to 0,
 * and what was drained while no controller ran. A keepalived that starts takes the entries for its
 * own and would leave their weights for ever.
 */
void settle_restore_weights(struct settle *s);
