/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/holdings.h"

#include "base/sorted.h"

/* After each time that it was made known; the last one for ever. */
static const uint64_t pauses[] = {200 * 1000, 800 * 1000, 2 * 1000 * 1000, 60 * 1000 * 1000};

enum { N_PAUSES = sizeof pauses / sizeof pauses[0] };

void holdings_done(struct holdings *h)
{
	free(h->items);
	*h = (struct holdings){0};
}

static int cmp_vip(const void *vip, const void *item)
{
	const struct holding *one = item;

	return ipaddr_cmp(vip, &one->vip);
}

struct holding *holdings_find(const struct holdings *h, const struct ipaddr *vip)
{
	size_t i = sorted_place(vip, h->items, h->n_items, sizeof *h->items, cmp_vip);

	return i < h->n_items && ipaddr_equal(&h->items[i].vip, vip) ? &h->items[i] : NULL;
}

void holdings_set(struct holdings *h, const struct prefixes *owned, uint64_t now)
{
	struct holdings next = {xcalloc(owned->n_items, sizeof *next.items), 0};

	for (size_t i = 0; i < owned->n_items; i++) {
		const struct ipnet *net = &owned->items[i];
		const struct holding *before = holdings_find(h, &net->addr);

		if (net->len != ipaddr_bits(&net->addr))
			continue;
		next.items[next.n_items++] =
			before ? *before : (struct holding){.vip = net->addr, .due = now};
	}
	holdings_done(h);
	*h = next;
}

void holding_start(struct holding *one, uint64_t now)
{
	one->n_told = 0;
	one->due = now;
}

void holding_told(struct holding *one, uint64_t now)
{
	one->due = now + pauses[one->n_told];
	if (one->n_told + 1 < N_PAUSES)
		one->n_told++;
}

/* Among the `n` that are sorted by when they are due; those are left out that have no room. */
static size_t insert(struct holding *ret[], size_t max, size_t n, struct holding *one)
{
	size_t i = n < max ? n++ : max;

	for (; i > 0 && ret[i - 1]->due > one->due; i--)
		if (i < n)
			ret[i] = ret[i - 1];
	if (i < n)
		ret[i] = one;
	return n;
}

size_t holdings_due(struct holding *ret[], size_t max, const struct holdings *h, uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_items; i++)
		if (h->items[i].due <= now && !h->items[i].rival.is_known)
			n = insert(ret, max, n, &h->items[i]);
	return n;
}

size_t holdings_to_ask(struct holding *ret[], size_t max, const struct holdings *h, uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_items && n < max; i++)
		if (rival_is_to_ask(&h->items[i].rival, now))
			ret[n++] = &h->items[i];
	return n;
}

uint64_t holdings_next(const struct holdings *h)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < h->n_items; i++) {
		const struct holding *one = &h->items[i];
		uint64_t rival = rival_due(&one->rival);

		if (!one->rival.is_known && one->due < next)
			next = one->due;
		if (rival < next)
			next = rival;
	}
	return next;
}
