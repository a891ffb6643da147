/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/route.h"

/* The routes that peers shall have, and those that exabgp has told them. Pure. */
struct told {
	size_t n_peers;
	struct routes_out wanted;
	struct routes_out taken; /* what this exabgp said it announces */
	peer_set untold;         /* by whom it is told once their sessions are up */
	struct routes_out due;   /* `wanted` without these */
	struct prefixes heard;   /* of `taken`, by peers whose session is up */
};

void told_done(struct told *t);

/* The set is copied. */
void told_want(struct told *t, const struct routes_out *wanted);

/* These peers are told nothing; all others are. */
void told_hold_back(struct told *t, peer_set untold);

/* These peers have lost what they were told, and are told nothing for now. */
void told_lose(struct told *t, peer_set lost);

/* exabgp is gone, and all that it was told with it. */
void told_forget(struct told *t);

/* There are `n_peers` from now on, and those before have these places (routes_out_renumber). */
void told_renumber(struct told *t, const int now[], size_t n_peers);

/* Who hears of us. */
void told_hear(struct told *t, peer_set up);

/* Whether exabgp has taken all that is due. */
bool told_all(const struct told *t);
