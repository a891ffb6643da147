/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

struct prospect {
	struct ipaddr addr;
	uint16_t port;
	enum endpoint_state state;
};

struct prospects {
	struct prospect *items;
	size_t n;
};

/* The port of a slice with this name, or any with the number if that is not 0; 0: there is none. */
static uint16_t find_port(
	const struct slice *slice, uint16_t protocol, const char *name, uint16_t number)
{
	uint16_t by_number = 0;

	for (size_t i = 0; i < slice->n_ports; i++) {
		const struct slice_port *p = &slice->ports[i];

		if (p->protocol != protocol)
			continue;
		if (strcmp(p->name, name) == 0)
			return p->port;
		if (p->port == number)
			by_number = number;
	}
	return by_number;
}

/*
 * The port of a slice's endpoints that a Service's port leads to; 0 if there is none. A port that
 * was given another name has one in the Service and another in the slice for a moment. If the
 * Service says its number that tells, else the name that it had.
 */
static uint16_t target_of(const struct slice *slice, const struct service_port *port)
{
	uint16_t number = port->target_name ? 0 : port->target_port;
	uint16_t found = find_port(slice, port->protocol, port->name, number);

	if (!found && port->former_name)
		found = find_port(slice, port->protocol, port->former_name, 0);
	return found;
}

static void add_slice(struct prospects *c, const struct slice *slice, uint16_t port)
{
	c->items = xreallocarray(c->items, c->n + slice->n_endpoints + 1, sizeof *c->items);
	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct endpoint *endpoint = &slice->endpoints[i];

		c->items[c->n++] = (struct prospect){endpoint->addr, port, endpoint->state};
	}
}

static int by_place(const struct prospect *a, const struct prospect *b)
{
	int order = ipaddr_cmp(&a->addr, &b->addr);

	return order ? order : (int)a->port - (int)b->port;
}

static int by_place_best_first(const void *pa, const void *pb)
{
	const struct prospect *a = pa, *b = pb;
	int order = by_place(a, b);

	return order ? order : (int)b->state - (int)a->state;
}

static int best_first(const void *pa, const void *pb)
{
	const struct prospect *a = pa, *b = pb;
	int order = (int)b->state - (int)a->state;

	return order ? order : by_place(a, b);
}

/* As the endpoints of one slice usually are. */
static bool is_sorted(const struct prospects *c)
{
	for (size_t i = 1; i < c->n; i++)
		if (by_place(&c->items[i - 1], &c->items[i]) >= 0)
			return false;
	return true;
}

static void drop_duplicates(struct prospects *c)
{
	size_t kept = 0;

	if (is_sorted(c))
		return;
	qsort(c->items, c->n, sizeof *c->items, by_place_best_first);
	for (size_t i = 0; i < c->n; i++)
		if (kept == 0 || by_place(&c->items[kept - 1], &c->items[i]) != 0)
			c->items[kept++] = c->items[i];
	c->n = kept;
}

/* In place, in order. */
static void drop_unusable(struct prospects *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].state != ENDPOINT_NOT_READY)
			c->items[kept++] = c->items[i];
	c->n = kept;
}

static void keep_best(struct prospects *c, size_t n)
{
	qsort(c->items, c->n, sizeof *c->items, best_first);
	c->n = n;
	qsort(c->items, c->n, sizeof *c->items, by_place_best_first);
}

/* The usable ones, and of too many the best ones. */
static void choose(struct endpoints *ret, struct prospects *c)
{
	enum endpoint_state best = ENDPOINT_NOT_READY;

	drop_unusable(c);
	if (c->n > LIMIT_ENDPOINTS) {
		ret->n_left_out = c->n - LIMIT_ENDPOINTS;
		keep_best(c, LIMIT_ENDPOINTS);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].state > best)
			best = c->items[i].state;
	ret->reals = xcalloc(c->n, sizeof *ret->reals);
	ret->n_reals = c->n;
	for (size_t i = 0; i < c->n; i++)
		ret->reals[i] = (struct real_server){.addr = c->items[i].addr,
			.port = c->items[i].port,
			.weight = c->items[i].state == best};
}

void endpoints_choose(struct endpoints *ret, const struct slice *slices,
	const struct service_port *port, int family)
{
	struct prospects c = {0};

	*ret = (struct endpoints){0};
	for (const struct slice *slice = slices; slice; slice = slice->next) {
		uint16_t number = target_of(slice, port);

		ret->n_slices++;
		ret->n_named += !slice->family;
		ret->n_unusable += slice->n_left_out;
		if (!ret->unusable && slice->n_left_out)
			ret->unusable = slice;
		if (slice->family != family)
			continue;
		ret->n_of_family += slice->n_endpoints;
		if (number)
			add_slice(&c, slice, number);
	}
	if (c.n)
		drop_duplicates(&c);
	ret->n_of_port = c.n;
	if (c.n)
		choose(ret, &c);
	free(c.items);
}

void endpoints_done(struct endpoints *p)
{
	free(p->reals);
	*p = (struct endpoints){0};
}
