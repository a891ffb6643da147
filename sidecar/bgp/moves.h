/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "announce/route.h"
#include "base/limits.h"
#include "base/mem.h"

/*
 * What another list of peers means to the sessions of the one before it, from the views of
 * exabgp.conf (bgp/exabgp_conf.h) alone: whatever is the same there needs no new session. Pure.
 */
struct moves {
	int now[LIMIT_BGP_PEERS]; /* of each peer before: its place, or PEER_GONE */
	size_t n_kept, n_changed, n_added, n_removed; /* sessions */
	json_t *kept; /* the new view with the first of these alone */
};

struct moves moves_find(const json_t *before, json_t *after);
void moves_done(struct moves *m);
#define CLEANUP_MOVES CLEANUP(moves_done)
