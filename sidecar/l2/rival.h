/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "l2/mac.h"

/*
 * Whether somebody else claims a VIP while it is ours. While load balancers take over from each
 * other two claim it for a moment, and so does one that was frozen or cut off and is back. So a
 * claim makes a doubt, and when all that must be over, who has the VIP is asked for once: a rival
 * is who answers. Pure; times are usec.
 */

enum {
	RIVAL_GRACE = 3 * 1000 * 1000,  /* that a take-over may take */
	RIVAL_ANSWER = 1 * 1000 * 1000, /* that an answer may take */
	RIVAL_QUIET = 30 * 1000 * 1000, /* without a claim: a known one is asked for again */
};

/* `{0}`: nobody claims it. */
struct rival {
	enum rival_step { RIVAL_NOBODY, RIVAL_DOUBTED, RIVAL_ASKED, RIVAL_ANSWERED } step;
	struct mac mac; /* who was heard last */
	uint64_t due;   /* doubted: when it is asked for; then: when it is looked at */
	bool is_known;  /* it is one, whatever becomes of it */
	char text[MAC_TEXT];
};

void rival_hear(struct rival *r, const struct mac *mac, uint64_t now);

/* Whether it is to be asked for; and it was. At most once in a doubt, whatever is heard. */
bool rival_is_to_ask(const struct rival *r, uint64_t now);
void rival_asked(struct rival *r, uint64_t now);

/* What has become of it, to be asked at rival_due; RIVAL_WAS_NONE: nobody stands by the claim. */
enum rival_news { RIVAL_SAME, RIVAL_COMES, RIVAL_GOES, RIVAL_WAS_NONE };
enum rival_news rival_look(struct rival *r, uint64_t now);

/* When it is to be asked for or looked at; UINT64_MAX: never. */
uint64_t rival_due(const struct rival *r);
