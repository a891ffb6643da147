/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "net/ipvs.h"

/*
 * Keeps the times after which IPVS forgets silent connections (net/ipvs.h) as they are wanted. The
 * kernel's own 15 minutes for TCP are less than most connections may be silent: RFC 5382 wants 2 h
 * 4 min. They are read back when they were written, and every TIMEOUTS_LOOK, for others have hands,
 * too; what cannot be set is tried again then, for ever. Logs: timeouts.*.
 */
enum { TIMEOUTS_LOOK = 10 * 1000 * 1000 /* usec */ };

struct timeouts;

/* `ipvs` is borrowed. Errors: of the timer alone. */
int timeouts_new(struct timeouts **ret, sd_event *loop, struct ipvs *ipvs,
	const struct ipvs_timeouts *wanted, struct err *e);
struct timeouts *timeouts_free(struct timeouts *t);

/* These are wanted from now on. */
void timeouts_want(struct timeouts *t, const struct ipvs_timeouts *wanted);

struct timeouts_status {
	struct ipvs_timeouts held; /* by the kernel, when it was last asked; 0: it did not say */
	const char *trouble;       /* why they are not as they are wanted; "" if they are */
};

struct timeouts_status timeouts_status(const struct timeouts *t);
