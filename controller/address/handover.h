/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "address/assignment.h"
#include "base/mem.h"

/*
 * Addresses that were taken from one Service while the status of that one says them yet. Whoever
 * gets one has to wait until it says so no more: status is written Service by Service, and some of
 * it may fail, but no two shall ever say the same. Pure.
 */
struct handover;

struct handover *handover_new(void) __attribute__((warn_unused_result));
struct handover *handover_free(struct handover *h);
DEFINE_CLEANUP(struct handover *, handover_free);

/* What a Service has to let go of; removed again before the assignment, or its Service, changes. */
void handover_add(struct handover *h, const struct assignment *a);
void handover_remove(struct handover *h, const struct assignment *a);

/* Whether what is assigned has to wait. */
bool handover_holds_up(const struct handover *h, const struct assignment *a);
