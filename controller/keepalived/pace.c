/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/pace.h"

static uint64_t at_most(uint64_t check_time)
{
	return check_time < PACE_CHECK_MAX ? check_time : PACE_CHECK_MAX;
}

uint64_t pace_due(const struct pace *p, uint64_t check_time)
{
	uint64_t gap = p->min_gap;

	check_time = at_most(check_time);
	if (p->last == 0)
		return 0;
	if (check_time > gap && p->last - p->rested >= PACE_STARVED * check_time)
		gap = check_time;
	return p->last + gap;
}

void pace_reloaded(struct pace *p, uint64_t now, uint64_t check_time)
{
	if (p->last == 0 || now - p->last >= at_most(check_time))
		p->rested = now;
	p->last = now;
}
