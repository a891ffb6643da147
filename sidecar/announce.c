/* SPDX-License-Identifier: Apache-2.0 */
#include "announce.h"

#include <string.h>

void prefixes_done(struct prefixes *p)
{
	free(p->items);
	*p = (struct prefixes){0};
}

/* Where `net` is, or belongs. */
static size_t prefixes_position(const struct prefixes *p, const struct ipnet *net)
{
	size_t low = 0, high = p->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ipnet_cmp(&p->items[middle], net) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool prefixes_has(const struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	return at < p->n_items && ipnet_cmp(&p->items[at], net) == 0;
}

void prefixes_add(struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	if (at < p->n_items && ipnet_cmp(&p->items[at], net) == 0)
		return;
	p->items = xreallocarray(p->items, p->n_items + 1, sizeof *p->items);
	memmove(&p->items[at + 1], &p->items[at], (p->n_items - at) * sizeof *p->items);
	p->items[at] = *net;
	p->n_items++;
}

void prefixes_remove(struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	if (at == p->n_items || ipnet_cmp(&p->items[at], net) != 0)
		return;
	p->n_items--;
	memmove(&p->items[at], &p->items[at + 1], (p->n_items - at) * sizeof *p->items);
}

bool prefixes_equal(const struct prefixes *a, const struct prefixes *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (ipnet_cmp(&a->items[i], &b->items[i]) != 0)
			return false;
	return true;
}

struct prefixes prefixes_copy(const struct prefixes *p)
{
	struct prefixes copy = {xcalloc(p->n_items, sizeof *p->items), p->n_items};

	if (p->n_items > 0)
		memcpy(copy.items, p->items, p->n_items * sizeof *p->items);
	return copy;
}

struct prefixes prefixes_minus(const struct prefixes *a, const struct prefixes *b, size_t max)
{
	struct prefixes rest = {.items = xcalloc(a->n_items, sizeof *rest.items)};

	for (size_t i = 0; i < a->n_items && rest.n_items < max; i++)
		if (!prefixes_has(b, &a->items[i]))
			rest.items[rest.n_items++] = a->items[i];
	return rest;
}

void vips_done(struct vips *v)
{
	free(v->items);
	*v = (struct vips){0};
}

/* Only ever called with addresses in ascending order. */
static void vips_append(struct vips *v, const struct ipaddr *addr, bool usable)
{
	struct vip *last = v->n_items > 0 ? &v->items[v->n_items - 1] : NULL;

	if (last && ipaddr_equal(&last->addr, addr))
		last->usable |= usable;
	else
		v->items[v->n_items++] = (struct vip){*addr, usable};
}

static bool service_is_usable(const struct ipvs_service *s)
{
	for (size_t i = 0; i < s->n_dests; i++)
		if (s->dests[i].weight > 0)
			return true;
	return false;
}

struct vips vips_of_table(const struct ipvs_table *t)
{
	struct vips v = {.items = xcalloc(t->n_services, sizeof *v.items)};

	for (size_t i = 0; i < t->n_services; i++)
		vips_append(&v, &t->services[i].addr, service_is_usable(&t->services[i]));
	return v;
}

struct vips vips_union(const struct vips *a, const struct vips *b)
{
	struct vips v = {.items = xcalloc(a->n_items + b->n_items, sizeof *v.items)};
	size_t i = 0, k = 0;

	while (i < a->n_items || k < b->n_items) {
		bool take_a =
			k == b->n_items ||
			(i < a->n_items && ipaddr_cmp(&a->items[i].addr, &b->items[k].addr) <= 0);
		const struct vip *next = take_a ? &a->items[i++] : &b->items[k++];

		vips_append(&v, &next->addr, next->usable);
	}
	return v;
}

const struct vip *vips_find(const struct vips *v, const struct ipaddr *addr)
{
	size_t low = 0, high = v->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = ipaddr_cmp(&v->items[middle].addr, addr);

		if (order == 0)
			return &v->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool vips_lost_any(const struct vips *before, const struct vips *now)
{
	for (size_t i = 0; i < before->n_items; i++) {
		const struct vip *still = vips_find(now, &before->items[i].addr);

		if (!still || (before->items[i].usable && !still->usable))
			return true;
	}
	return false;
}

static bool has_next_hop(const struct announce_rules *rules, const struct ipaddr *addr)
{
	return addr->family == AF_INET ? rules->next_hop4 : rules->next_hop6;
}

static const struct ipnet *aggregate_of(
	const struct announce_rules *rules, const struct ipaddr *addr)
{
	for (size_t i = 0; i < rules->n_aggregates; i++)
		if (ipnet_contains(&rules->aggregates[i], addr))
			return &rules->aggregates[i];
	return NULL;
}

struct prefixes announce_build(const struct vips *v, const struct announce_rules *rules)
{
	struct prefixes p = {0};

	for (size_t i = 0; i < v->n_items; i++) {
		const struct vip *vip = &v->items[i];
		const struct ipnet *aggregate = aggregate_of(rules, &vip->addr);
		struct ipnet own = ipnet_of(&vip->addr);

		if (vip->usable && has_next_hop(rules, &vip->addr))
			prefixes_add(&p, aggregate ? aggregate : &own);
	}
	return p;
}

struct prefixes announce_routed(const struct vips *v, const struct announce_rules *rules, bool all)
{
	struct prefixes p = announce_build(v, rules);

	for (size_t i = 0; i < v->n_items; i++) {
		struct ipnet own = ipnet_of(&v->items[i].addr);

		if (all || (v->items[i].usable && has_next_hop(rules, &own.addr)))
			prefixes_add(&p, &own);
	}
	return p;
}

bool announce_leads_somewhere(const struct vips *v, const struct ipnet *net)
{
	for (size_t i = 0; i < v->n_items; i++)
		if (v->items[i].usable && ipnet_contains(net, &v->items[i].addr))
			return true;
	return false;
}

const char *announce_why_not(const struct vips *v, const struct ipnet *net)
{
	for (size_t i = 0; i < v->n_items; i++)
		if (ipnet_contains(net, &v->items[i].addr))
			return "no usable real server";
	return "gone from IPVS";
}
