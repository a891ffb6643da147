/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/pool.h"

/* Where the addresses of a Service come from. */
enum addressing {
	ADDRESSING_ASKED,  /* it has what it asks for: manifests, which nobody writes a status to */
	ADDRESSING_STATUS, /* it has what its status says, which the leader writes */
};

/* What the configuration says to decisions; all borrowed. */
struct fleet_rules {
	const char *fleet;
	bool default_class; /* Services without a class and an annotation are of this fleet */
	enum addressing addressing;
	const struct config_pool *pools; /* none: with ADDRESSING_ASKED any address will do */
	size_t n_pools;
};
