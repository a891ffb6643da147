/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/announce.h"

#include <stdint.h>
#include <string.h>

#include "base/sorted.h"

void prefixes_done(struct prefixes *p)
{
	free(p->items);
	*p = (struct prefixes){0};
}

static int cmp_net(const void *net, const void *item)
{
	return ipnet_cmp(net, item);
}

/* Where `net` is, or belongs. */
static size_t prefixes_position(const struct prefixes *p, const struct ipnet *net)
{
	if (p->n_items > 0 && ipnet_cmp(&p->items[p->n_items - 1], net) < 0)
		return p->n_items;
	return sorted_place(net, p->items, p->n_items, sizeof *p->items, cmp_net);
}

static bool is_at(const struct prefixes *p, size_t at, const struct ipnet *net)
{
	return at < p->n_items && ipnet_cmp(&p->items[at], net) == 0;
}

bool prefixes_has(const struct prefixes *p, const struct ipnet *net)
{
	return is_at(p, prefixes_position(p, net), net);
}

/* There is room for it. */
static void insert_at(struct prefixes *p, size_t at, const struct ipnet *net)
{
	memmove(&p->items[at + 1], &p->items[at], (p->n_items - at) * sizeof *p->items);
	p->items[at] = *net;
	p->n_items++;
}

/* The same, unless it is there already. */
static void insert(struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	if (!is_at(p, at, net))
		insert_at(p, at, net);
}

void prefixes_add(struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	if (is_at(p, at, net))
		return;
	p->items = xreallocarray(p->items, p->n_items + 1, sizeof *p->items);
	insert_at(p, at, net);
}

void prefixes_remove(struct prefixes *p, const struct ipnet *net)
{
	size_t at = prefixes_position(p, net);

	if (!is_at(p, at, net))
		return;
	p->n_items--;
	memmove(&p->items[at], &p->items[at + 1], (p->n_items - at) * sizeof *p->items);
}

static bool is_same(const struct ipnet *a, const struct ipnet *b)
{
	return a->addr.family == b->addr.family && a->len == b->len &&
	       memcmp(a->addr.bytes, b->addr.bytes, sizeof a->addr.bytes) == 0;
}

/*
 * How many items two sets share at their beginnings. Sets are mostly compared with what they were
 * before one item changed, and this is several times cheaper than comparing items by their order.
 */
static size_t same_head(const struct prefixes *a, const struct prefixes *b)
{
	size_t n = a->n_items < b->n_items ? a->n_items : b->n_items, i = 0;

	while (i < n && is_same(&a->items[i], &b->items[i]))
		i++;
	return i;
}

/* The same at their ends, beyond the `head`. */
static size_t same_tail(const struct prefixes *a, const struct prefixes *b, size_t head)
{
	size_t n = (a->n_items < b->n_items ? a->n_items : b->n_items) - head, i = 0;

	while (i < n && is_same(&a->items[a->n_items - 1 - i], &b->items[b->n_items - 1 - i]))
		i++;
	return i;
}

bool prefixes_equal(const struct prefixes *a, const struct prefixes *b)
{
	size_t head = a->n_items == b->n_items ? same_head(a, b) : 0;

	if (a->n_items != b->n_items)
		return false;
	for (size_t i = head; i < a->n_items; i++)
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

/* Goes on from *at to where `net` is, or belongs; true when it is there. */
static bool skip_to(const struct prefixes *p, size_t *at, const struct ipnet *net)
{
	int order = -1;

	while (*at < p->n_items && (order = ipnet_cmp(&p->items[*at], net)) < 0)
		++*at;
	return order == 0;
}

struct prefixes prefixes_minus(const struct prefixes *a, const struct prefixes *b, size_t max)
{
	struct prefixes rest = {0};
	size_t at = same_head(a, b), end = a->n_items - same_tail(a, b, at);

	for (size_t i = at; i < end && rest.n_items < max; i++)
		if (!skip_to(b, &at, &a->items[i]))
			prefixes_add(&rest, &a->items[i]);
	return rest;
}

/* Takes over n items, which come behind those that are there and have room. */
static void append(struct prefixes *p, const struct ipnet *items, size_t n)
{
	if (n > 0)
		memcpy(&p->items[p->n_items], items, n * sizeof *items);
	p->n_items += n;
}

struct prefixes prefixes_common(const struct prefixes *a, const struct prefixes *b)
{
	struct prefixes both = {.items = xcalloc(a->n_items, sizeof *both.items)};
	size_t at = same_head(a, b), end = a->n_items - same_tail(a, b, at);

	append(&both, a->items, at);
	for (size_t i = at; i < end; i++)
		if (skip_to(b, &at, &a->items[i]))
			append(&both, &a->items[i], 1);
	append(&both, a->items + end, a->n_items - end);
	return both;
}

struct prefixes prefixes_union(const struct prefixes *a, const struct prefixes *b)
{
	struct prefixes more = prefixes_minus(b, a, SIZE_MAX);
	struct prefixes all = {.items = xcalloc(a->n_items + more.n_items, sizeof *all.items)};
	size_t done = 0;

	for (size_t i = 0; i < more.n_items; i++) {
		size_t next = prefixes_position(a, &more.items[i]);

		append(&all, a->items + done, next - done);
		append(&all, &more.items[i], 1);
		done = next;
	}
	append(&all, a->items + done, a->n_items - done);
	prefixes_done(&more);
	return all;
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
	struct prefixes p = {.items = xcalloc(v->n_items, sizeof *p.items)};

	for (size_t i = 0; i < v->n_items; i++) {
		const struct vip *vip = &v->items[i];
		const struct ipnet *aggregate = aggregate_of(rules, &vip->addr);
		struct ipnet own = ipnet_of(&vip->addr);

		if (vip->usable && has_next_hop(rules, &vip->addr))
			insert(&p, aggregate ? aggregate : &own);
	}
	return p;
}

struct prefixes announce_routed(const struct vips *v, const struct announce_rules *rules,
	const struct prefixes *servable, bool all)
{
	struct prefixes p = {.items = xcalloc(v->n_items + rules->n_aggregates, sizeof *p.items)};

	for (size_t i = 0; i < v->n_items; i++) {
		struct ipnet own = ipnet_of(&v->items[i].addr);

		if (all || (v->items[i].usable && has_next_hop(rules, &own.addr)))
			insert(&p, &own);
	}
	for (size_t i = 0; i < rules->n_aggregates; i++)
		if (prefixes_has(servable, &rules->aggregates[i]))
			insert(&p, &rules->aggregates[i]);
	return p;
}

static int cmp_vip(const void *addr, const void *item)
{
	const struct vip *vip = item;

	return ipaddr_cmp(addr, &vip->addr);
}

/* The first VIP of the prefix, if it has one; the others follow it. */
static size_t first_in(const struct vips *v, const struct ipnet *net)
{
	return sorted_place(&net->addr, v->items, v->n_items, sizeof *v->items, cmp_vip);
}

static bool is_in(const struct vips *v, size_t i, const struct ipnet *net)
{
	return i < v->n_items && ipnet_contains(net, &v->items[i].addr);
}

bool announce_leads_somewhere(const struct vips *v, const struct ipnet *net)
{
	for (size_t i = first_in(v, net); is_in(v, i, net); i++)
		if (v->items[i].usable)
			return true;
	return false;
}

const char *announce_why_not(const struct vips *v, const struct ipnet *net)
{
	return is_in(v, first_in(v, net), net) ? "no usable real server" : "gone from IPVS";
}
