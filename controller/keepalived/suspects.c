/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/suspects.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"

struct suspect {
	struct place place;
	uint64_t digest; /* of what it was when it was accused */
};

struct suspects {
	struct suspect *items; /* those on trial first */
	size_t n_items, n_on_trial;
	size_t next_trial; /* how many; 0: half of those that are held back */
};

struct suspects *suspects_new(void)
{
	return xnew0(struct suspects);
}

struct suspects *suspects_free(struct suspects *s)
{
	if (!s)
		return NULL;
	free(s->items);
	free(s);
	return NULL;
}

static void add_number(uint64_t *digest, uint64_t number)
{
	digest_add(digest, &number, sizeof number);
}

/* Of all that keepalived is told. */
static uint64_t digest_of(const struct virtual_server *vs)
{
	const struct health_check *check = &vs->check;
	uint64_t digest = DIGEST_INIT;

	add_number(&digest, vs->scheduler);
	add_number(&digest, vs->persistence);
	add_number(&digest, check->type);
	add_number(&digest, check->port);
	add_number(&digest, check->interval);
	add_number(&digest, check->timeout);
	digest_add_text(&digest, check->path);
	digest_add_text(&digest, check->codes);
	digest_add_text(&digest, check->host);
	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];

		digest_add(&digest, real->addr.bytes, sizeof real->addr.bytes);
		add_number(&digest, real->port);
		add_number(&digest, real->weight);
	}
	return digest;
}

static struct suspect *find(const struct suspects *s, const struct virtual_server *vs)
{
	const struct place at = virtual_server_place(vs);

	for (size_t i = 0; i < s->n_items; i++)
		if (place_cmp(&s->items[i].place, &at) == 0)
			return &s->items[i];
	return NULL;
}

static void add(void *ud, const struct virtual_server *good, const struct virtual_server *bad)
{
	struct suspects *s = ud;
	struct suspect *old = bad ? find(s, bad) : NULL;

	(void)good;
	if (!bad)
		return;
	if (!old) {
		s->items = xreallocarray(s->items, s->n_items + 1, sizeof *s->items);
		old = &s->items[s->n_items++];
	}
	*old = (struct suspect){virtual_server_place(bad), digest_of(bad)};
}

/* The only one on trial is proven: it goes behind those about whom nothing is known. */
static void put_last(struct suspects *s)
{
	const struct suspect proven = s->items[0];

	memmove(s->items, s->items + 1, (s->n_items - 1) * sizeof *s->items);
	s->items[s->n_items - 1] = proven;
}

void suspects_accuse(struct suspects *s, const struct virtual_server *const bad[], size_t n_bad,
	const struct virtual_server *const good[], size_t n_good)
{
	size_t n = s->n_on_trial;

	s->n_on_trial = 0;
	s->next_trial = n / 2;
	if (n == 1)
		put_last(s);
	else if (n == 0)
		fleet_diff(good, n_good, bad, n_bad, add, s);
}

bool suspects_acquit(struct suspects *s)
{
	if (s->n_on_trial == 0)
		return false;
	s->n_items -= s->n_on_trial;
	memmove(s->items, s->items + s->n_on_trial, s->n_items * sizeof *s->items);
	s->n_on_trial = 0;
	return true;
}

bool suspects_try(struct suspects *s)
{
	size_t half = (s->n_items + 1) / 2;

	s->n_on_trial = s->next_trial > 0 && s->next_trial < half ? s->next_trial : half;
	s->next_trial = 0;
	return s->n_on_trial > 0;
}

bool suspects_on_trial(const struct suspects *s)
{
	return s->n_on_trial > 0;
}

bool suspects_hold_back(const struct suspects *s, const struct virtual_server *vs)
{
	const struct suspect *found = s->n_items > 0 ? find(s, vs) : NULL;

	return found && (size_t)(found - s->items) >= s->n_on_trial &&
	       found->digest == digest_of(vs);
}

size_t suspects_count(const struct suspects *s)
{
	return s->n_items - s->n_on_trial;
}
