/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"

/*
 * Fleets that follow each other share what stays the same, and a change costs what it changes:
 * neither a fleet's beginning nor its end touches what is shared. A count of users in each of these
 * would be written to by every decision, and copy each page of the controller's memory once more
 * while a child has it, too.
 *
 * In a row of fleets the newest owns all that it has. Each other one owns what the next one does
 * not have any more: what is `gone`. It has that in common with the fleets before it that have been
 * there since it was made (`born`), which inherit it.
 */

/*
 * A fleet that has what `old` has, to be altered: with room for one more of each. It is the next
 * one of `old`, which has none yet. The caller has the first reference.
 */
struct fleet *succession_follow(struct fleet *old) __attribute__((warn_unused_result));

/* The newest fleet does not have it any more; it has been taken out of its array. */
void succession_drop_server(struct fleet *f, struct virtual_server *vs);
void succession_drop_verdict(struct fleet *f, struct fleet_service *verdict);

/* One that no fleet has. */
void succession_free_verdict(struct fleet_service *verdict);

/* Nobody has a reference to the fleet: frees it, and what no other fleet has. */
void succession_end(struct fleet *f);
