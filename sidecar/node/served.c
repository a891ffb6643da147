/* SPDX-License-Identifier: Apache-2.0 */
#include "node/served.h"

#include <netinet/in.h>
#include <stdlib.h>

void served_done(struct served *s)
{
	free(s->items);
	*s = (struct served){0};
}

struct served served_of(const struct places *places, const struct prefixes *vips)
{
	struct served served = {.items = xcalloc(places->n_items, sizeof *served.items)};
	size_t at = 0;

	/* Both are sorted by VIP. */
	for (size_t i = 0; i < places->n_items; i++) {
		const struct place *one = &places->items[i].place;

		while (at < vips->n_items && ipaddr_cmp(&vips->items[at].addr, &one->vip) < 0)
			at++;
		if (at < vips->n_items && ipaddr_equal(&vips->items[at].addr, &one->vip) &&
			one->protocol == IPPROTO_TCP)
			served.items[served.n_items++] = *one;
	}
	return served;
}

static int cmp_places(const void *a, const void *b)
{
	return place_cmp(a, b);
}

bool served_has(const struct served *s, const struct place *place)
{
	return s->n_items && bsearch(place, s->items, s->n_items, sizeof *s->items, cmp_places);
}

struct served served_minus(const struct served *a, const struct served *b)
{
	struct served rest = {.items = xcalloc(a->n_items, sizeof *rest.items)};
	size_t at = 0;

	for (size_t i = 0; i < a->n_items; i++) {
		while (at < b->n_items && place_cmp(&b->items[at], &a->items[i]) < 0)
			at++;
		if (at == b->n_items || place_cmp(&b->items[at], &a->items[i]) != 0)
			rest.items[rest.n_items++] = a->items[i];
	}
	return rest;
}

bool served_equal(const struct served *a, const struct served *b)
{
	bool equal = a->n_items == b->n_items;

	for (size_t i = 0; equal && i < a->n_items; i++)
		equal = place_cmp(&a->items[i], &b->items[i]) == 0;
	return equal;
}
