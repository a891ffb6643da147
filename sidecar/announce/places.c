/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/places.h"

#include <linux/ip_vs.h>
#include <string.h>

#include "base/sorted.h"

void places_done(struct places *p)
{
	free(p->items);
	*p = (struct places){0};
}

enum place_state places_state_of(const struct ipvs_service *s)
{
	for (size_t i = 0; i < s->n_dests; i++)
		if (s->dests[i].weight > 0)
			return PLACE_USABLE;
	return PLACE_IDLE;
}

unsigned places_ways_of(const struct ipvs_service *s)
{
	unsigned ways = 0;

	for (size_t i = 0; i < s->n_dests; i++)
		ways |= s->dests[i].forward == IP_VS_CONN_F_TUNNEL ? PLACE_BY_TUNNEL : PLACE_BY_NAT;
	return ways;
}

struct places places_of_table(const struct ipvs_table *t)
{
	struct places p = {xcalloc(t->n_services, sizeof *p.items), t->n_services};

	for (size_t i = 0; i < t->n_services; i++) {
		const struct ipvs_service *s = &t->services[i];

		p.items[i] = (struct placed){
			{s->addr, s->protocol, s->port}, places_state_of(s), places_ways_of(s)};
	}
	return p;
}

static enum place_state better(enum place_state a, enum place_state b)
{
	return a > b ? a : b;
}

/* Of the next ones of both, of which there is one at least. */
static int next_order(const struct places *a, size_t i, const struct places *b, size_t k)
{
	if (i == a->n_items)
		return 1;
	return k == b->n_items ? -1 : place_cmp(&a->items[i].place, &b->items[k].place);
}

struct places places_union(const struct places *a, const struct places *b)
{
	struct places all = {.items = xcalloc(a->n_items + b->n_items, sizeof *all.items)};
	size_t i = 0, k = 0;

	while (i < a->n_items || k < b->n_items) {
		int order = next_order(a, i, b, k);
		struct placed *to = &all.items[all.n_items++];

		*to = order <= 0 ? a->items[i] : b->items[k];
		if (order == 0) {
			to->state = better(a->items[i].state, b->items[k].state);
			to->ways |= b->items[k].ways;
		}
		i += order <= 0;
		k += order >= 0;
	}
	return all;
}

size_t places_differ(const struct places *a, const struct places *b, struct place ret[], size_t max)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n_items || k < b->n_items) {
		int order = next_order(a, i, b, k);

		if (order != 0 || a->items[i].state != b->items[k].state ||
			a->items[i].ways != b->items[k].ways) {
			if (n < max)
				ret[n] = order <= 0 ? a->items[i].place : b->items[k].place;
			n++;
		}
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

bool places_lost_any(const struct places *before, const struct places *now)
{
	size_t k = 0;

	for (size_t i = 0; i < before->n_items; i++) {
		const struct placed *was = &before->items[i];

		while (k < now->n_items && place_cmp(&now->items[k].place, &was->place) < 0)
			k++;
		if (k == now->n_items || place_cmp(&now->items[k].place, &was->place) != 0 ||
			now->items[k].state < was->state)
			return true;
	}
	return false;
}

static int cmp_place(const void *place, const void *item)
{
	const struct placed *one = item;

	return place_cmp(place, &one->place);
}

/* Where `place` is, or belongs. */
static size_t position(const struct places *p, const struct place *place)
{
	return sorted_place(place, p->items, p->n_items, sizeof *p->items, cmp_place);
}

static void insert_at(struct places *p, size_t at, const struct placed *one)
{
	p->items = xreallocarray(p->items, p->n_items + 1, sizeof *p->items);
	memmove(&p->items[at + 1], &p->items[at], (p->n_items - at) * sizeof *p->items);
	p->items[at] = *one;
	p->n_items++;
}

static void remove_at(struct places *p, size_t at)
{
	p->n_items--;
	memmove(&p->items[at], &p->items[at + 1], (p->n_items - at) * sizeof *p->items);
}

bool places_note(struct places *p, const struct place *place, enum place_state state, unsigned ways)
{
	size_t at = position(p, place);
	bool is_there = at < p->n_items && place_cmp(&p->items[at].place, place) == 0;
	const struct placed now = {*place, state, ways};

	if (is_there ? p->items[at].state == state && p->items[at].ways == ways
		     : state == PLACE_GONE)
		return false;
	if (state == PLACE_GONE)
		remove_at(p, at);
	else if (is_there)
		p->items[at] = now;
	else
		insert_at(p, at, &now);
	return true;
}

static void add_vip(struct prefixes *p, const struct ipaddr *vip)
{
	const struct ipnet net = ipnet_of(vip);

	prefixes_add(p, &net);
}

void places_tunnels(struct prefixes *ret_some, struct prefixes *ret_only, const struct places *p)
{
	struct prefixes some = {0}, only = {0};

	for (size_t i = 0, end; i < p->n_items; i = end) {
		const struct ipaddr *vip = &p->items[i].place.vip;
		unsigned ways = 0;

		for (end = i; end < p->n_items && ipaddr_equal(vip, &p->items[end].place.vip);
			end++)
			ways |= p->items[end].ways;
		if (ways & PLACE_BY_TUNNEL)
			add_vip(&some, vip);
		if (ways == PLACE_BY_TUNNEL)
			add_vip(&only, vip);
	}
	*ret_some = some;
	*ret_only = only;
}

struct prefixes places_by_nat(const struct places *p)
{
	struct prefixes vips = {0};

	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].ways & PLACE_BY_NAT)
			add_vip(&vips, &p->items[i].place.vip);
	return vips;
}

void vips_done(struct vips *v)
{
	free(v->items);
	*v = (struct vips){0};
}

struct vips places_vips(const struct places *p)
{
	struct vips v = {.items = xcalloc(p->n_items, sizeof *v.items)};

	for (size_t i = 0; i < p->n_items; i++) {
		const struct ipaddr *addr = &p->items[i].place.vip;
		bool usable = p->items[i].state == PLACE_USABLE;
		struct vip *last = v.n_items > 0 ? &v.items[v.n_items - 1] : NULL;

		if (last && ipaddr_equal(&last->addr, addr))
			last->usable |= usable;
		else
			v.items[v.n_items++] = (struct vip){*addr, usable};
	}
	return v;
}
