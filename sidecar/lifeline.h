/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "announce.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * The connection to the controller (loop/control.h), made again each second while it is away. As
 * long as it is open, a controller that was told to stop goes on forwarding. Logs: controller.*.
 */
struct lifeline;

/*
 * `socket` is the name of the controller's socket, borrowed. `on_ready` is called when the
 * controller says that the kernel holds what it was asked to.
 */
int lifeline_open(struct lifeline **ret, sd_event *loop, const char *socket,
	void (*on_ready)(void *ud), void *ud, struct err *e);
struct lifeline *lifeline_close(struct lifeline *l);
DEFINE_CLEANUP(struct lifeline *, lifeline_close);

/* What the controller is to know of us. */
struct lifeline_report {
	const struct prefixes *announced; /* what some peer hears of us */
	size_t sessions, peers;           /* BGP sessions that are up, and those there should be */
	bool complete;                    /* all that this pod can serve is announced */
};

/* Tells the controller, now and after each reconnection. What it was told already is not said
 * again.
 */
void lifeline_report(struct lifeline *l, const struct lifeline_report *report);
