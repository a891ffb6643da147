/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/rival.h"

void rival_hear(struct rival *r, const struct mac *mac, uint64_t now)
{
	if (r->last == 0)
		r->first = now;
	r->last = now;
	if (mac_equal(&r->mac, mac))
		return;
	r->mac = *mac;
	mac_format(r->text, mac);
}

/* Else it was who had the VIP before us, as far as is known. */
static bool counts(const struct rival *r, uint64_t ours_since)
{
	return r->last >= ours_since + RIVAL_GRACE;
}

uint64_t rival_due(const struct rival *r, uint64_t ours_since)
{
	if (r->last == 0)
		return UINT64_MAX;
	if (r->is_known)
		return r->last + RIVAL_QUIET;
	return (counts(r, ours_since) ? r->first : r->last) + RIVAL_GRACE;
}

enum rival_news rival_look(struct rival *r, uint64_t ours_since, uint64_t now)
{
	bool was_known = r->is_known;

	if (now < rival_due(r, ours_since))
		return RIVAL_SAME;
	if (!was_known && counts(r, ours_since)) {
		r->is_known = true;
		return RIVAL_COMES;
	}
	*r = (struct rival){0};
	return was_known ? RIVAL_GOES : RIVAL_SAME;
}
