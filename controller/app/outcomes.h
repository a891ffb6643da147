/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "decide/fleet.h"

/*
 * Logs what became of each Service, where that differs from what was logged before: accepted,
 * without endpoints, rejected, in conflict, gone. What takes a millisecond is written at once; more
 * is written when there is nothing else to do, some milliseconds at a time, and of decisions that
 * follow faster the last counts.
 */
struct outcomes;

int outcomes_new(struct outcomes **ret, sd_event *loop, struct err *e);
/* What was not logged yet is logged now. */
struct outcomes *outcomes_free(struct outcomes *o);
DEFINE_CLEANUP(struct outcomes *, outcomes_free);

void outcomes_tell(struct outcomes *o, struct fleet *fleet);
