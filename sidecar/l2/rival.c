/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/rival.h"

static void step(struct rival *r, enum rival_step to, uint64_t due)
{
	r->step = to;
	r->due = due;
}

/* An answer that comes too late is a claim like any other. */
static void count(struct rival *r, uint64_t now)
{
	if (r->is_known)
		step(r, RIVAL_DOUBTED, now + RIVAL_QUIET);
	else if (r->step == RIVAL_ASKED && now < r->due)
		step(r, RIVAL_ANSWERED, now);
	else if (r->step == RIVAL_NOBODY || r->step == RIVAL_ASKED)
		step(r, RIVAL_DOUBTED, now + RIVAL_GRACE);
}

void rival_hear(struct rival *r, const struct mac *mac, uint64_t now)
{
	count(r, now);
	if (mac_equal(&r->mac, mac))
		return;
	r->mac = *mac;
	mac_format(r->text, mac);
}

bool rival_is_to_ask(const struct rival *r, uint64_t now)
{
	return r->step == RIVAL_DOUBTED && now >= r->due;
}

void rival_asked(struct rival *r, uint64_t now)
{
	step(r, RIVAL_ASKED, now + RIVAL_ANSWER);
}

enum rival_news rival_look(struct rival *r, uint64_t now)
{
	bool was_known = r->is_known;

	if (r->step == RIVAL_ANSWERED) {
		r->is_known = true;
		step(r, RIVAL_DOUBTED, r->due + RIVAL_QUIET);
		return RIVAL_COMES;
	}
	if (r->step != RIVAL_ASKED || now < r->due)
		return RIVAL_SAME;
	*r = (struct rival){0};
	return was_known ? RIVAL_GOES : RIVAL_WAS_NONE;
}

uint64_t rival_due(const struct rival *r)
{
	return r->step == RIVAL_NOBODY ? UINT64_MAX : r->due;
}
