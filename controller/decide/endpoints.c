/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "decide/refusals.h"
#include "objects/objects.h"

struct prospect {
	struct ipaddr addr;
	uint16_t port, target;
	struct forward forward;
	bool is_node; /* its node takes such tunnels, but not to its own address, which this is */
	enum endpoint_state state;
	const struct slice *slice;
};

struct prospects {
	struct prospect *items;
	size_t n;
};

/* How packets for a place are to get to its endpoints, where that can be. */
struct wanted {
	const struct place *place;
	struct forward forward;
	enum tunnel_to to;
	const struct tunnel_set *nodes; /* that take tunnels; NULL: none */
};

static bool takes_tunnels(
	const struct endpoint *endpoint, uint16_t port, const struct wanted *wanted)
{
	unsigned kind = tunnel_kind(wanted->forward.encapsulation, endpoint->addr.family);

	if (wanted->forward.method != FORWARD_TUNNEL || wanted->place->protocol == IPPROTO_SCTP)
		return false;
	if (wanted->to == TUNNEL_TO_PODS)
		return port == wanted->place->port;
	return wanted->nodes && tunnel_set_kinds(wanted->nodes, endpoint->node) & kind;
}

/*
 * By a tunnel if its node takes such, or the pod does, and not at the node's own address. All load
 * balancers must know that alike: the port of a real server, which `mh` hashes, goes by it.
 */
static struct prospect prospect_of(
	const struct endpoint *endpoint, uint16_t port, const struct wanted *wanted)
{
	bool takes = takes_tunnels(endpoint, port, wanted);
	bool is_node = takes && wanted->nodes && tunnel_set_is_own(wanted->nodes, &endpoint->addr);

	return (struct prospect){
		.addr = endpoint->addr,
		.port = takes && !is_node ? wanted->place->port : port,
		.target = port,
		.forward = takes && !is_node ? wanted->forward
					     : (struct forward){.method = FORWARD_NAT},
		.is_node = is_node,
		.state = endpoint->state,
	};
}

static void add_slice(
	struct prospects *c, const struct slice *slice, uint16_t port, const struct wanted *wanted)
{
	c->items = xreallocarray(c->items, c->n + slice->n_endpoints + 1, sizeof *c->items);
	for (size_t i = 0; i < slice->n_endpoints; i++) {
		c->items[c->n] = prospect_of(&slice->endpoints[i], port, wanted);
		c->items[c->n++].slice = slice;
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

	if (!order)
		order = (int)b->state - (int)a->state;
	if (!order)
		order = (int)b->forward.method - (int)a->forward.method;
	return order ? order : (int)a->target - (int)b->target;
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

/* False: it may not be used, which is noted. */
static bool may_use(struct endpoints *ret, const struct prospect *one,
	const struct service *service, const struct place *place, const struct permits *permits)
{
	const struct refusal_of what = {*place, one->addr, one->port};
	const char *why = permits_refuse(permits, service, one->slice, &one->addr);
	int error;

	if (why && ret->n_forbidden++ == 0) {
		ret->forbidden = one->addr;
		ret->why_forbidden = why;
	}
	if (why)
		return false;
	error = refusals_find(permits->rules->refusals, &what, &service->id);
	if (error && ret->n_refused++ == 0) {
		ret->refused = (struct real_server){.addr = one->addr, .port = one->port};
		ret->refused_error = error;
	}
	return !error;
}

/* In place, in order. */
static void drop_refused(struct endpoints *ret, struct prospects *c, const struct service *service,
	const struct place *place, const struct permits *permits)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++)
		if (may_use(ret, &c->items[i], service, place, permits))
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
static void choose(struct endpoints *ret, struct prospects *c, const struct service *service,
	const struct place *place, const struct permits *permits)
{
	enum endpoint_state best = ENDPOINT_NOT_READY;

	drop_unusable(c);
	drop_refused(ret, c, service, place, permits);
	if (c->n > LIMIT_ENDPOINTS) {
		ret->n_left_out = c->n - LIMIT_ENDPOINTS;
		keep_best(c, LIMIT_ENDPOINTS);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].state > best)
			best = c->items[i].state;
	ret->reals = xcalloc(c->n, sizeof *ret->reals);
	ret->n_reals = c->n;
	for (size_t i = 0; i < c->n; i++) {
		const struct prospect *one = &c->items[i];

		ret->reals[i] = (struct real_server){.addr = one->addr,
			.port = one->port,
			.weight = one->state == best,
			.forward = one->forward,
			.target = one->target};
		ret->n_plain += ret->tunnels && one->forward.method == FORWARD_NAT;
		ret->n_nodes += one->is_node;
	}
}

void endpoints_choose(struct endpoints *ret, const struct service *service,
	const struct service_port *port, const struct place *place, const struct permits *permits)
{
	const struct wanted wanted = {place, service_forward(service, permits->rules),
		service->policy.tunnel_to, permits->rules->tunnel_nodes};
	struct prospects c = {0};

	*ret = (struct endpoints){
		.kind = tunnel_kind(wanted.forward.encapsulation, place->vip.family),
		.tunnels = service_is_tunnelled(service, permits->rules),
		.to = wanted.to,
	};
	for (const struct slice *slice = store_slices(service); slice; slice = slice->next) {
		uint16_t number = slice_target(slice, port);

		ret->n_slices++;
		ret->n_named += !slice->family;
		ret->n_unusable += slice->n_left_out;
		if (!ret->unusable && slice->n_left_out)
			ret->unusable = slice;
		if (slice->family != place->vip.family)
			continue;
		ret->n_of_family += slice->n_endpoints;
		if (number)
			add_slice(&c, slice, number, &wanted);
	}
	if (c.n)
		drop_duplicates(&c);
	ret->n_of_port = c.n;
	if (c.n)
		choose(ret, &c, service, place, permits);
	free(c.items);
}

void endpoints_done(struct endpoints *p)
{
	free(p->reals);
	*p = (struct endpoints){0};
}
