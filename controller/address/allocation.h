/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "address/assignment.h"
#include "base/mem.h"
#include "objects/fleet_rules.h"
#include "objects/store.h"

/*
 * Which VIPs the Services of a fleet shall have: what the leader writes into their status. Pure and
 * stable: a Service keeps the addresses that its status says as long as it may have them, whatever
 * comes and goes beside it; of two that say the same one the senior keeps it, unless they share it.
 * After those come explicit wishes, then those who take any address, each by seniority. Who asks
 * for what it cannot get keeps what it has, with the reason, and so does who is wrong; an address
 * that is in no pool of its namespace any more is kept by nobody. What was decided before and is
 * on its way into status counts as if it were there (address/promises.h).
 *
 * A change costs what it concerns: Services that have what they ask for are not looked at again.
 */
struct allocation;

/* Both are borrowed; nothing is decided yet. */
struct allocation *allocation_new(const struct store *s, const struct fleet_rules *rules)
	__attribute__((warn_unused_result));
struct allocation *allocation_free(struct allocation *a);
DEFINE_CLEANUP(struct allocation *, allocation_free);

/* A Service of the store has changed, or is gone; or anything has, the rules among it: then nothing
 * is known before allocation_settle. What was promised stands. */
void allocation_touch(struct allocation *a, const struct objname *service);
void allocation_touch_all(struct allocation *a);

/* Whether it is about the store as it is. */
bool allocation_is_settled(const struct allocation *a);

/*
 * Decides on what was touched; the result is the one that touching all gives. `on_changed`, if
 * given, is called for each Service that is to have, or to hear, something else than before.
 */
typedef void allocation_fn(void *ud, const struct assignment *now);
void allocation_settle(struct allocation *a, allocation_fn *on_changed, void *ud);

/* Of each Service of the fleet, sorted by namespace and name; until the next call that is not
 * const. */
const struct assignment *const *allocation_items(const struct allocation *a, size_t *ret_n);

/* NULL if there is none. */
const struct assignment *allocation_find(
	const struct allocation *a, const char *ns, const char *name);

/* Whether what is assigned has to wait for others to let go of it (address/handover.h). */
bool allocation_holds_up(const struct allocation *a, const struct assignment *one);
