/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "vrrp/roster.h"

/*
 * Peers that are no members any more. One may have lost the API server alone: it goes on, and where
 * others did not speak with it, it would hold them for dead and take all shares, too. One that is
 * dead is silent, and costs some packets. Pure; times are usec.
 */

static const uint64_t FORMER_MAX = UINT64_C(3600) * 1000 * 1000; /* that one stays a peer */

/* The one who left first is first. `{0}` has none. */
struct formers {
	struct former {
		struct ipaddr addr;
		uint64_t since;
	} items[LIMIT_FORMER_MEMBERS];
	size_t n_items;
};

/* Notes who is in `before` and no more in `now`, and gives `now` all who are former ones. */
void formers_keep(struct formers *f, const struct roster *before, struct roster *now, uint64_t at);
