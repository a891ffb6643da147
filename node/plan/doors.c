/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/doors.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "objects/objects.h"

/* A pod of another node, or of ours, that a place leads to. */
struct way {
	struct place place;
	bool drains;
	const char *node; /* borrowed */
	struct ipaddr pod;
};

struct ways {
	struct way *items;
	size_t n_items, room;
};

static int cmp_ways(const void *pa, const void *pb)
{
	const struct way *a = pa, *b = pb;
	int order = place_cmp(&a->place, &b->place);

	if (!order)
		order = (int)b->drains - (int)a->drains;
	if (!order)
		order = strcmp(a->node, b->node);
	return order ? order : ipaddr_cmp(&a->pod, &b->pod);
}

static int cmp_nodes(const void *pa, const void *pb)
{
	return strcmp(((const struct way *)pa)->node, ((const struct way *)pb)->node);
}

static void add(struct ways *ways, const struct way *way)
{
	if (ways->n_items == ways->room) {
		ways->room = ways->room ? 2 * ways->room : 64;
		ways->items = xreallocarray(ways->items, ways->room, sizeof *ways->items);
	}
	ways->items[ways->n_items++] = *way;
}

static void add_slice(struct ways *ways, const struct slice *slice, const struct place *place,
	const struct tunnel_set *nodes)
{
	const unsigned kind = tunnel_kind(ENCAPSULATION_IPIP, AF_INET);

	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct endpoint *one = &slice->endpoints[i];

		if (tunnel_set_kinds(nodes, one->node) & kind &&
			!tunnel_set_is_own(nodes, &one->addr))
			add(ways, &(struct way){*place, one->state == ENDPOINT_DRAINING, one->node,
					  one->addr});
	}
}

static int cmp_place(const void *key, const void *item)
{
	return place_cmp(key, item);
}

/* The places of a plan; entries are sorted by pod first. */
static struct place *places_of(const struct plan *plan, size_t *ret_n)
{
	struct place *places = xcalloc(plan->n_entries, sizeof *places);
	size_t n = 0;

	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct place *one = &plan->entries[i].place;

		if (one->protocol == IPPROTO_TCP && one->vip.family == AF_INET)
			places[n++] = *one;
	}
	if (n > 0)
		qsort(places, n, sizeof *places, cmp_place);
	*ret_n = n;
	return places;
}

static void add_service(struct ways *ways, const struct service *s, const struct fleet_rules *rules,
	const struct place places[], size_t n_places)
{
	bool asked = rules->addressing == ADDRESSING_ASKED && s->wish.n_vips > 0;
	const struct ipaddr *vips = asked ? s->wish.vips : s->held.vips;
	size_t n_vips = asked ? s->wish.n_vips : s->held.n_vips;

	for (size_t i = 0; i < s->n_ports * n_vips; i++) {
		const struct service_port *port = &s->ports[i / n_vips];
		struct place place = {vips[i % n_vips], port->protocol, port->port};
		size_t at = sorted_place(&place, places, n_places, sizeof *places, cmp_place);

		if (at == n_places || place_cmp(&places[at], &place) != 0)
			continue;
		for (const struct slice *slice = store_slices(s); slice; slice = slice->next)
			if (slice->family == AF_INET && slice_target(slice, port) > 0)
				add_slice(ways, slice, &place, rules->tunnel_nodes);
	}
}

/* The first `max` nodes of a place: in the order in which they were found, once each. */
static size_t choose(struct way chosen[], size_t max, const struct way *ways, size_t n)
{
	size_t n_chosen = 0;

	for (size_t i = 0; i < n && n_chosen < max; i++) {
		bool is_new = true;

		for (size_t j = 0; j < n_chosen && is_new; j++)
			is_new = strcmp(chosen[j].node, ways[i].node) != 0;
		if (is_new)
			chosen[n_chosen++] = ways[i];
	}
	if (n_chosen > 0)
		qsort(chosen, n_chosen, sizeof *chosen, cmp_nodes);
	return n_chosen;
}

/* Who comes first, and who after us; false: there is nobody else. */
static bool door_of(struct door *ret, const struct way chosen[], size_t n, const char *node)
{
	struct door door = {0};

	for (size_t i = 0; i < n; i++) {
		int order = strcmp(chosen[i].node, node);

		if (order != 0 && door.first.family == 0)
			door.first = chosen[i].pod;
		if (order > 0 && door.next.family == 0)
			door.next = chosen[i].pod;
	}
	if (n > 0)
		door.place = chosen[0].place;
	*ret = door;
	return door.first.family != 0;
}

static struct doors *doors_of(const struct ways *ways, const char *node, size_t max)
{
	CLEANUP_FREE struct way *chosen = xcalloc(max, sizeof *chosen);
	struct doors *d = xnew0(struct doors);
	size_t end;

	d->items = xcalloc(ways->n_items, sizeof *d->items);
	for (size_t i = 0; i < ways->n_items; i = end) {
		for (end = i + 1; end < ways->n_items; end++)
			if (place_cmp(&ways->items[i].place, &ways->items[end].place) != 0)
				break;
		if (door_of(&d->items[d->n_items], chosen,
			    choose(chosen, max, &ways->items[i], end - i), node))
			d->n_items++;
	}
	return d;
}

struct doors *doors_build(const struct store *s, const struct fleet_rules *rules,
	const struct plan *plan, const char *node, size_t max)
{
	size_t n_places, n;
	CLEANUP_FREE struct place *places = places_of(plan, &n_places);
	CLEANUP_FREE const struct service **services = store_services(&n, s, rules);
	struct ways ways = {0};
	struct doors *d;

	for (size_t i = 0; max > 0 && rules->tunnel_nodes && i < n; i++)
		if (services[i]->policy.tunnel_to == TUNNEL_TO_NODES)
			add_service(&ways, services[i], rules, places, n_places);
	if (ways.n_items > 0)
		qsort(ways.items, ways.n_items, sizeof *ways.items, cmp_ways);
	d = doors_of(&ways, node, max);
	free(ways.items);
	return d;
}

struct doors *doors_free(struct doors *d)
{
	if (!d)
		return NULL;
	free(d->items);
	free(d);
	return NULL;
}

bool doors_equal(const struct doors *a, const struct doors *b)
{
	bool equal = a->n_items == b->n_items;

	for (size_t i = 0; equal && i < a->n_items; i++)
		equal = place_cmp(&a->items[i].place, &b->items[i].place) == 0 &&
			ipaddr_cmp(&a->items[i].first, &b->items[i].first) == 0 &&
			ipaddr_cmp(&a->items[i].next, &b->items[i].next) == 0;
	return equal;
}
