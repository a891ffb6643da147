/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "address/assignment.h"
#include "base/mem.h"
#include "objects/fleet_rules.h"

/*
 * What Services have of the pools, and how one of them is given what it asks for; allocation.h has
 * the order in which they come. Assignments are borrowed for as long as they have something. Pure.
 */
struct grants;

/* The pools of the rules are borrowed. */
struct grants *grants_new(const struct fleet_rules *rules) __attribute__((warn_unused_result));
struct grants *grants_free(struct grants *g);
DEFINE_CLEANUP(struct grants *, grants_free);

/*
 * The Service keeps these addresses, but for those that no pool allows it. False: another one has
 * one of them, which it cannot share.
 */
bool grants_keep(struct grants *g, struct assignment *a, const struct ipaddr vips[], size_t n);

enum grant {
	GRANT_SETTLED, /* it is done with, whatever becomes of others */
	GRANT_LATER,   /* it gave something back, and takes more once its status says so, lest it
			  waits for one who waits for it */
	GRANT_WAITS,   /* it lacks something that others have; asked again, it may get it */
};

/* Gives it what it asks for and takes back what it asks for no more, or says why not. */
enum grant grants_give(struct grants *g, struct assignment *a);

/* Takes back all that it has; `a` is left as it is. */
void grants_take_back(struct grants *g, const struct assignment *a);

/* Whether grants_give has moved an address since the last call. */
bool grants_moved(struct grants *g);

/* Sets the pool that its first address is from. */
void grants_name_pool(const struct grants *g, struct assignment *a);
