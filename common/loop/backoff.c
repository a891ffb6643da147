/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/backoff.h"

#include <stdlib.h>
#include <sys/random.h>

static uint64_t jitter(uint64_t below)
{
	uint32_t random = 0;

	if (below == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		return 0;
	return random % below;
}

uint64_t backoff_next(struct backoff *b, uint64_t worked_for)
{
	uint64_t delay = b->last * 2;

	if (worked_for > b->max || delay < b->min)
		delay = b->min;
	if (delay > b->max)
		delay = b->max;
	b->last = delay;
	return delay + jitter(delay / 4);
}
