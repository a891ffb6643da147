/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/health.h"

#include "base/hash.h"
#include "base/mem.h"

/* No padding: it is the key. */
struct key {
	struct place place;
	struct ipaddr addr;
	uint32_t port;
};

struct down {
	UT_hash_handle hh;
	struct key key;
	struct health_entry entry;
};

struct health {
	struct down *all;
};

struct health *health_new(void)
{
	return xnew0(struct health);
}

struct health *health_free(struct health *h)
{
	struct down *at, *next;

	if (!h)
		return NULL;
	HASH_ITER(hh, h->all, at, next) {
		HASH_DEL(h->all, at);
		free(at);
	}
	free(h);
	return NULL;
}

static struct down *find(
	const struct health *h, const struct place *place, const struct ipaddr *addr, uint16_t port)
{
	const struct key k = {*place, *addr, port};
	struct down *d;

	HASH_FIND(hh, h->all, &k, sizeof k, d);
	return d;
}

bool health_is_down(
	const struct health *h, const struct place *place, const struct ipaddr *addr, uint16_t port)
{
	return h->all && find(h, place, addr, port);
}

size_t health_n_down(const struct health *h)
{
	return HASH_COUNT(h->all);
}

void health_set_down(struct health *h, const struct place *place, const struct ipaddr *addr,
	uint16_t port, uint64_t until)
{
	struct down *d = find(h, place, addr, port);

	if (!d) {
		d = xnew0(struct down);
		d->key = (struct key){*place, *addr, port};
		HASH_ADD(hh, h->all, key, sizeof d->key, d);
	}
	d->entry = (struct health_entry){*place, *addr, port, until};
}

void health_set_up(
	struct health *h, const struct place *place, const struct ipaddr *addr, uint16_t port)
{
	struct down *d = find(h, place, addr, port);

	if (!d)
		return;
	HASH_DEL(h->all, d);
	free(d);
}

void health_sift(struct health *h, bool (*fn)(void *ud, struct health_entry *entry), void *ud)
{
	struct down *at, *next;

	HASH_ITER(hh, h->all, at, next) {
		if (fn(ud, &at->entry))
			continue;
		HASH_DEL(h->all, at);
		free(at);
	}
}

uint64_t health_due(const struct health *h)
{
	uint64_t due = HEALTH_NEVER;

	for (const struct down *d = h->all; d; d = d->hh.next)
		due = d->entry.until < due ? d->entry.until : due;
	return due;
}
