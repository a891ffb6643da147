/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/evictions.h"

#include "base/hash.h"
#include "base/mem.h"
#include "loop/backoff.h"

struct item {
	UT_hash_handle hh;
	struct place place; /* the key */
	bool waits;
	uint64_t due;  /* while it waits */
	uint64_t back; /* since it does not; it is remembered for a while */
	struct backoff backoff;
};

struct evictions {
	struct item *items;
};

static void drop(struct evictions *e, struct item *item)
{
	HASH_DEL(e->items, item);
	free(item);
}

struct evictions *evictions_new(void)
{
	return xnew0(struct evictions);
}

struct evictions *evictions_free(struct evictions *e)
{
	struct item *at, *next;

	if (!e)
		return NULL;
	HASH_ITER(hh, e->items, at, next) {
		drop(e, at);
	}
	free(e);
	return NULL;
}

static struct item *find(const struct evictions *e, const struct place *place)
{
	struct item *item;

	HASH_FIND(hh, e->items, place, sizeof *place, item);
	return item;
}

static struct item *add(struct evictions *e, const struct place *place)
{
	struct item *item = xnew0(struct item);

	item->place = *place;
	item->backoff = (struct backoff){.min = EVICTIONS_MIN, .max = EVICTIONS_MAX};
	HASH_ADD(hh, e->items, place, sizeof *place, item);
	return item;
}

void evictions_note(struct evictions *e, const struct place *place, uint64_t now)
{
	struct item *item = find(e, place);

	if (!item)
		item = add(e, place);
	if (item->waits)
		return;
	item->waits = true;
	item->due = now + backoff_next(&item->backoff, now - item->back);
}

bool evictions_wait(const struct evictions *e, const struct place *place)
{
	const struct item *item = e->items ? find(e, place) : NULL;

	return item && item->waits;
}

uint64_t evictions_due(const struct evictions *e)
{
	uint64_t due = EVICTIONS_NEVER;

	for (const struct item *i = e->items; i; i = i->hh.next)
		if (i->waits && i->due < due)
			due = i->due;
	return due;
}

bool evictions_take(struct place *ret, struct evictions *e, uint64_t now)
{
	struct item *at, *next;

	HASH_ITER(hh, e->items, at, next) {
		if (at->waits && at->due <= now) {
			at->waits = false;
			at->back = now;
			*ret = at->place;
			return true;
		}
		if (!at->waits && now - at->back > EVICTIONS_MAX)
			drop(e, at);
	}
	return false;
}
