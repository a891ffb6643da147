/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/guards.h"

#include <string.h>

#include "base/limits.h"
#include "values/place.h"

static void add(struct guards *g, const struct guard *guard)
{
	struct guard *copy = &g->items[g->n_items++];

	*copy = *guard;
	copy->sources = xcalloc(guard->n_sources, sizeof *copy->sources);
	for (size_t i = 0; i < guard->n_sources; i++)
		copy->sources[i] = guard->sources[i];
}

struct guards guards_of(const struct virtual_server *const servers[], size_t n_servers)
{
	struct guards g = {.items = xcalloc(n_servers, sizeof *g.items)};

	for (size_t i = 0; i < n_servers; i++) {
		const struct virtual_server *vs = servers[i];

		bool tunnels = virtual_server_tunnels(vs);

		if (vs->restricted || tunnels)
			add(&g, &(struct guard){vs->vip, vs->port, vs->protocol, vs->sources,
					vs->n_sources, !vs->restricted, tunnels});
	}
	return g;
}

struct guards guards_closed(const struct ipvs_table *kernel)
{
	struct guards g = {.items = xcalloc(kernel->n_services, sizeof *g.items)};

	for (size_t i = 0; i < kernel->n_services; i++) {
		const struct ipvs_service *s = &kernel->services[i];

		add(&g, &(struct guard){.vip = s->addr, .port = s->port, .protocol = s->protocol});
	}
	return g;
}

void guards_done(struct guards *g)
{
	for (size_t i = 0; i < g->n_items; i++)
		free(g->items[i].sources);
	free(g->items);
	*g = (struct guards){0};
}

static int cmp_guards(const void *a, const void *b)
{
	const struct guard *one = a, *other = b;
	int order = ipaddr_cmp(&one->vip, &other->vip);

	if (!order)
		order = (int)one->protocol - (int)other->protocol;
	return order ? order : (int)one->port - (int)other->port;
}

/* For bsearch in an array of pointers. */
static int cmp_to_server(const void *key, const void *member)
{
	const struct guard *guard = key;
	const struct virtual_server *const *vs = member;

	return virtual_server_cmp(
		&(struct virtual_server){
			.vip = guard->vip, .port = guard->port, .protocol = guard->protocol},
		*vs);
}

static void close_guards(struct guard guards[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(guards[i].sources);
		guards[i].sources = NULL;
		guards[i].n_sources = 0;
		guards[i].open = false;
	}
}

void guards_keep(struct guards *g, const struct guards *old,
	const struct virtual_server *const servers[], size_t n_servers)
{
	size_t n_wanted = g->n_items;

	g->items = xreallocarray(g->items, g->n_items + old->n_items + 1, sizeof *g->items);
	for (size_t i = 0; i < old->n_items; i++)
		if (n_servers == 0 || !bsearch(&old->items[i], servers, n_servers, sizeof *servers,
					      cmp_to_server))
			add(g, &old->items[i]);
	if (guards_n_sources(g) > LIMIT_FLEET_SOURCES)
		close_guards(g->items + n_wanted, g->n_items - n_wanted);
	qsort(g->items, g->n_items, sizeof *g->items, cmp_guards);
}

static int cmp_sources(const struct guard *a, const struct guard *b)
{
	int order = (a->n_sources > b->n_sources) - (a->n_sources < b->n_sources);

	for (size_t i = 0; order == 0 && i < a->n_sources; i++)
		order = ipnet_cmp(&a->sources[i], &b->sources[i]);
	return order;
}

static bool same_kind(const struct guard *a, const struct guard *b)
{
	return a->open == b->open && a->tunnels == b->tunnels;
}

bool guards_have(const struct guards *g, const struct guard *guard)
{
	const struct guard *found =
		g->n_items ? bsearch(guard, g->items, g->n_items, sizeof *guard, cmp_guards) : NULL;

	return found && same_kind(found, guard) && cmp_sources(found, guard) == 0;
}

bool guards_equal(const struct guards *a, const struct guards *b)
{
	bool equal = a->n_items == b->n_items;

	for (size_t i = 0; equal && i < a->n_items; i++)
		equal = cmp_guards(&a->items[i], &b->items[i]) == 0 &&
			same_kind(&a->items[i], &b->items[i]) &&
			cmp_sources(&a->items[i], &b->items[i]) == 0;
	return equal;
}

/* Those with the same clients one after the other. */
static int cmp_by_sources(const void *a, const void *b)
{
	const struct guard *const *one = a, *const *other = b;
	int order = cmp_sources(*one, *other);

	return order ? order : cmp_guards(*one, *other);
}

/* The caller frees it. */
static const struct guard **sort_by_sources(const struct guards *g)
{
	const struct guard **sorted = xcalloc(g->n_items, sizeof(*sorted));

	for (size_t i = 0; i < g->n_items; i++)
		sorted[i] = &g->items[i];
	if (g->n_items > 0)
		qsort(sorted, g->n_items, sizeof(*sorted), cmp_by_sources);
	return sorted;
}

size_t guards_n_sources(const struct guards *g)
{
	CLEANUP_FREE const struct guard **sorted = NULL;
	size_t n = 0;

	for (size_t i = 0; i < g->n_items; i++)
		n += g->items[i].n_sources;
	if (n <= LIMIT_FLEET_SOURCES)
		return n;
	sorted = sort_by_sources(g);
	n = 0;
	for (size_t i = 0; i < g->n_items; i++)
		if (i == 0 || cmp_sources(sorted[i - 1], sorted[i]) != 0)
			n += sorted[i]->n_sources;
	return n;
}

static json_t *must(json_t *value)
{
	if (!value)
		mem_exhausted();
	return value;
}

static json_t *list_of(json_t *view, const char *name, int family)
{
	CLEANUP_FREE char *key = xasprintf("%s%c", name, family == AF_INET ? '4' : '6');

	return json_object_get(view, key);
}

static void append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, must(item)) < 0)
		mem_exhausted();
}

static void add_guarded(json_t *view, const struct guard *g, size_t clients)
{
	char vip[IPADDR_TEXT];

	append(list_of(view, "guarded", g->vip.family),
		json_pack("{s:s, s:s, s:i, s:I}", "vip", ipaddr_format(vip, &g->vip), "protocol",
			place_protocol(g->protocol), "port", g->port, "clients",
			(json_int_t)clients));
}

static void add_allowed(json_t *view, const struct guard *g, size_t clients)
{
	char prefix[IPNET_TEXT];

	for (size_t i = 0; i < g->n_sources; i++)
		append(list_of(view, "allowed", g->vip.family),
			json_pack("{s:I, s:s}", "clients", (json_int_t)clients, "prefix",
				ipnet_format(prefix, &g->sources[i])));
}

static void add_tunnelled(json_t *view, const struct guard *g)
{
	char vip[IPADDR_TEXT];

	append(list_of(view, "tunnelled", g->vip.family),
		json_pack("{s:s, s:s, s:i}", "vip", ipaddr_format(vip, &g->vip), "protocol",
			place_protocol(g->protocol), "port", g->port));
}

json_t *guards_view(const struct guards *g)
{
	json_t *view = must(json_pack("{s:[], s:[], s:[], s:[], s:[], s:[]}", "guarded4",
		"guarded6", "allowed4", "allowed6", "tunnelled4", "tunnelled6"));
	CLEANUP_FREE const struct guard **sorted = sort_by_sources(g);
	size_t clients = 0;

	for (size_t i = 0; i < g->n_items; i++) {
		if (i == 0 || cmp_sources(sorted[i - 1], sorted[i]) != 0)
			add_allowed(view, sorted[i], ++clients);
		if (!sorted[i]->open)
			add_guarded(view, sorted[i], clients);
		if (sorted[i]->tunnels)
			add_tunnelled(view, sorted[i]);
	}
	return view;
}
