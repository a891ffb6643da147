/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "address/promises.h"
#include "objects/fleet_rules.h"
#include "objects/service.h"
#include "objects/store.h"

/*
 * Which VIPs the Services of a fleet shall have: what the leader writes into their status. Pure and
 * stable: a Service keeps the addresses that its status says as long as it may have them, whatever
 * comes and goes beside it; of two that say the same one the senior keeps it, unless they share it.
 * After those come explicit wishes, then those who take any address, each by seniority. Who asks
 * for what it cannot get keeps what it has, with the reason, and so does who is wrong; an address
 * that is in no pool of its namespace any more is kept by nobody.
 */

struct assignment {
	const struct service *service; /* the store's; may be one that is wrong, with its reason */
	struct ipaddr *vips; /* sorted; those it has or gets; may be there with a reason */
	size_t n_vips;
	const char *pool; /* that the first of them is from; NULL: of none, or no address */
	/* Why it has not what it asks for, which is the Service's own reason when that is wrong.
	 * The same for people, with what would be right. */
	enum reason reason;
	char *message;
};

struct allocation {
	struct assignment *items; /* of each Service of the fleet, sorted by namespace and name */
	size_t n_items;
};

/*
 * `promises`: what was decided before and is on its way into status, which counts as if it were
 * there; what is decided now is added to it. NULL: nothing is on its way.
 */
struct allocation *allocation_build(const struct store *s, const struct fleet_rules *rules,
	struct promises *promises) __attribute__((warn_unused_result));
struct allocation *allocation_free(struct allocation *a);
DEFINE_CLEANUP(struct allocation *, allocation_free);

/* NULL if there is none. */
const struct assignment *allocation_find(
	const struct allocation *a, const char *ns, const char *name);
