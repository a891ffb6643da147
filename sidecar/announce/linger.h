/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "announce/announce.h"

/*
 * A prefix keeps its routes for a while after it is not wanted any more: routers still send until
 * the withdrawal has reached them. Pure.
 */
struct linger_set {
	struct lingering {
		struct ipnet net;
		uint64_t until; /* usec */
	} * items;
	size_t n_items;
};

void linger_done(struct linger_set *l);

/* Those of `before` which `wanted` lacks stay until `now + keep`; those wanted again, or over, go.
 */
void linger_update(struct linger_set *l, const struct prefixes *before,
	const struct prefixes *wanted, uint64_t now, uint64_t keep);

/* Lets go of one at once. */
void linger_drop(struct linger_set *l, const struct ipnet *net);
