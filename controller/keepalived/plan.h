/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "decide/fleet.h"

/* A decision on its way, shared by those who carry it out. */
struct plan {
	struct fleet *fleet;
	const struct virtual_server *const *servers; /* all of the fleet, sorted */
	size_t n_servers;
	unsigned n_refs;
};

/* Consumes `fleet`. The caller has the first reference. */
struct plan *plan_new(struct fleet *fleet) __attribute__((warn_unused_result));
struct plan *plan_ref(struct plan *p);
/* Takes NULL and returns it. */
struct plan *plan_unref(struct plan *p);
DEFINE_CLEANUP(struct plan *, plan_unref);

/* usec from a start of the health checks until the slowest has had its say; 0 for NULL. */
uint64_t plan_check_time(const struct plan *p);
