/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/fleet.h"

/*
 * What changes for keepalived between two sorted lists of virtual servers: who their clients may be
 * is none of its business. Pure.
 */

struct fleet_diff {
	size_t services_added, services_removed, services_changed;
	size_t reals_added, reals_removed, reals_changed; /* of services in both lists */
};

/*
 * Counts the differences. `on_changed`, if given, is called for each place where both are not the
 * same, in order; `old` or `new` is NULL where the other one is alone.
 */
struct fleet_diff fleet_diff(const struct virtual_server *const old[], size_t n_old,
	const struct virtual_server *const new[], size_t n_new,
	void (*on_changed)(
		void *ud, const struct virtual_server *old, const struct virtual_server *new),
	void *ud);

/*
 * The next Service, in order, of which not the same became: `old` or `new` is NULL where it is of
 * one fleet alone. False: there is none. Begins with {0}; `before` may be NULL.
 */
struct fleet_walk {
	const struct fleet_service *old, *new;
	size_t i, j;
};
/* The order of two Services of fleets; one that is NULL comes last. Both may not be. */
int fleet_service_order(const struct fleet_service *a, const struct fleet_service *b);

bool fleet_walk_next(struct fleet_walk *w, const struct fleet *before, const struct fleet *now);

/* Calls `on_changed` for each of them. */
void fleet_diff_services(const struct fleet *before, const struct fleet *now,
	void (*on_changed)(
		void *ud, const struct fleet_service *old, const struct fleet_service *new),
	void *ud);

bool fleet_diff_empty(const struct fleet_diff *d);
