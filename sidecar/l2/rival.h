/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "l2/mac.h"

/*
 * Whether somebody else claims a VIP while it is ours. While load balancers take over from each
 * other two claim it for a moment, so a claim counts that is heard when that must be over, and when
 * the VIP is ours still as much later. Pure; times are usec.
 */

enum {
	RIVAL_GRACE = 3 * 1000 * 1000,  /* that a take-over may take */
	RIVAL_QUIET = 30 * 1000 * 1000, /* without a claim: it is over */
};

/* `{0}`: nobody claims it. */
struct rival {
	struct mac mac;       /* who was heard last */
	uint64_t first, last; /* when; 0: nobody was */
	bool is_known;        /* it counts */
	char text[MAC_TEXT];
};

void rival_hear(struct rival *r, const struct mac *mac, uint64_t now);

/* What has become of it; to be asked at rival_due, and after each claim. */
enum rival_news { RIVAL_SAME, RIVAL_COMES, RIVAL_GOES };
enum rival_news rival_look(struct rival *r, uint64_t ours_since, uint64_t now);

/* UINT64_MAX: never. */
uint64_t rival_due(const struct rival *r, uint64_t ours_since);
