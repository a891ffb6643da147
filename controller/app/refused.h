/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "decide/fleet.h"
#include "decide/refusals.h"
#include "net/ipvs_write.h"
#include "objects/store.h"

/*
 * Remembers what the kernel refuses of decisions, for those that follow (decide/refusals.h), and
 * asks the kernel again now and then, and soon while it takes what it refused: modules can be
 * loaded, addresses change. Logs: kernel.refused, kernel.accepted.
 */
struct refused;

/*
 * `store` and `ipvs` are borrowed. `on_change`: the store was touched, for a decision has to be
 * made anew; not from within refused_note.
 */
int refused_new(struct refused **ret, sd_event *loop, struct store *store, struct ipvs *ipvs,
	void (*on_change)(void *ud), void *ud, struct err *e);
struct refused *refused_free(struct refused *r);
DEFINE_CLEANUP(struct refused *, refused_free);

/* The kernel refused this of a virtual server. */
void refused_note(struct refused *r, const struct virtual_server *vs, const struct ipvs_op *op);

/* For struct fleet_rules; borrowed. */
const struct refusals *refused_known(const struct refused *r);
