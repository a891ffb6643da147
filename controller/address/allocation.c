/* SPDX-License-Identifier: Apache-2.0 */
#include "address/allocation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "address/holders.h"
#include "address/pools.h"
#include "address/vacancy.h"
#include "base/mem.h"
#include "objects/annotations.h"
#include "objects/objects.h"
#include "objects/port.h"

enum {
	ROUNDS = 32,       /* of moves that wait for each other; the next allocation goes on */
	SHARED_TRIED = 256 /* addresses that others share, for one that may join */
};

struct desk {
	struct pools pools;
	const struct promises *promises;
	struct holders *holders;
	struct vacancy *vacancy;
	struct assignment **queue; /* by seniority; first all, later those that lack something */
	size_t n_queue;
	bool moved; /* something that others wait for, or their reasons, may have changed */
};

static bool has(const struct assignment *a, const struct ipaddr *addr)
{
	return ipaddrs_have(a->vips, a->n_vips, addr);
}

/* Puts it into the sorted list. */
static void note(struct assignment *a, const struct ipaddr *addr)
{
	size_t i = a->n_vips;

	a->vips = xreallocarray(a->vips, a->n_vips + 1, sizeof *a->vips);
	for (; i > 0 && ipaddr_cmp(&a->vips[i - 1], addr) > 0; i--)
		a->vips[i] = a->vips[i - 1];
	a->vips[i] = *addr;
	a->n_vips++;
}

static void take(struct desk *d, struct assignment *a, const struct ipaddr *addr)
{
	holders_take(d->holders, addr, a->service);
	note(a, addr);
	d->moved = true;
}

/* Gives back what is not among `kept`. False: there is nothing else. */
static bool release_others(
	struct desk *d, struct assignment *a, const struct ipaddr kept[], size_t n_kept)
{
	size_t n = 0, n_before = a->n_vips;

	for (size_t i = 0; i < a->n_vips; i++) {
		if (ipaddrs_have(kept, n_kept, &a->vips[i])) {
			a->vips[n++] = a->vips[i];
			continue;
		}
		holders_release(d->holders, &a->vips[i], a->service);
		vacancy_released(d->vacancy, &a->vips[i]);
		d->moved = true;
	}
	a->n_vips = n;
	return n < n_before;
}

/* Consumes `message`. */
static void refuse(struct assignment *a, enum reason reason, char *message)
{
	free(a->message);
	a->reason = reason;
	a->message = message;
}

static void approve(struct assignment *a)
{
	free(a->message);
	a->reason = REASON_NONE;
	a->message = NULL;
}

/* What other fleets tell about, too, is left as it is, or each of them would change it again. */
static bool is_told_by_others(const struct service *s)
{
	return s->any_fleet || s->reason == REASON_FLEET_MISMATCH;
}

/* Everyone keeps what its status says or will say, if it may have it and no senior has it. */
static void keep_held(struct desk *d, struct assignment *a)
{
	const struct service *s = a->service;
	const struct ipaddr *vips;
	size_t n_vips = promises_held(&vips, d->promises, s);

	if (s->reason == REASON_NOT_LOAD_BALANCER)
		return;
	for (size_t i = 0; i < n_vips; i++) {
		const struct ipaddr *addr = &vips[i];
		const struct pool *pool = pools_of(&d->pools, addr);

		if (pool ? pool_allows(pool, s->id.ns) && holders_keep(d->holders, addr, s)
			 : is_told_by_others(s))
			note(a, addr);
	}
}

static bool is_in_pool(const struct desk *d, const struct ipaddr *addr, const char *name)
{
	const struct pool *pool = pools_of(&d->pools, addr);

	return !name || (pool && strcmp(pool->config->name, name) == 0);
}

static bool has_all_it_names(const struct desk *d, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (size_t i = 0; i < w->n_vips; i++)
		if (!has(a, &w->vips[i]) || !is_in_pool(d, &w->vips[i], w->pool))
			return false;
	return true;
}

static void refuse_taken(
	struct assignment *a, const struct ipaddr *addr, const struct obstacle *obstacle)
{
	const struct objname *holder = &obstacle->holder->id;
	char text[IPADDR_TEXT];

	ipaddr_format(text, addr);
	if (obstacle->port)
		refuse(a, REASON_ADDRESS_IN_USE,
			xasprintf("%s is shared with %s/%s, but both have %s port %u", text,
				holder->ns, holder->name, protocol_name(obstacle->port->protocol),
				obstacle->port->port));
	else
		refuse(a, REASON_ADDRESS_IN_USE,
			xasprintf("%s is in use by %s/%s; to share it, Services of one namespace "
				  "say the same " KAGO_PREFIX "share and have distinct ports",
				text, holder->ns, holder->name));
}

static bool find_obstacle(struct desk *d, struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (size_t i = 0; i < w->n_vips; i++) {
		struct obstacle obstacle = {0};

		if (!has(a, &w->vips[i]))
			obstacle = holders_obstacle(d->holders, &w->vips[i], a->service);
		if (!obstacle.holder)
			continue;
		refuse_taken(a, &w->vips[i], &obstacle);
		return true;
	}
	return false;
}

/* True: it has what it names. */
static bool grant_named(struct desk *d, struct assignment *a)
{
	const struct wish *w = &a->service->wish;
	struct refusal refusal;

	if (!has_all_it_names(d, a)) {
		if (pools_refuse(&refusal, &d->pools, w, a->service->id.ns)) {
			refuse(a, refusal.reason, refusal.message);
			return false;
		}
		if (find_obstacle(d, a))
			return false;
		for (size_t i = 0; i < w->n_vips; i++)
			if (!has(a, &w->vips[i]))
				take(d, a, &w->vips[i]);
	}
	release_others(d, a, w->vips, w->n_vips);
	approve(a);
	return true;
}

/* The lowest that it has of a family and may keep. */
static bool find_kept(
	struct ipaddr *ret, const struct desk *d, const struct assignment *a, int family)
{
	for (size_t i = 0; i < a->n_vips; i++)
		if (a->vips[i].family == family &&
			is_in_pool(d, &a->vips[i], a->service->wish.pool)) {
			*ret = a->vips[i];
			return true;
		}
	return false;
}

/* The lowest that others with the same key have and let it join. */
static bool find_shared(
	struct ipaddr *ret, const struct desk *d, const struct assignment *a, int family)
{
	const struct service *s = a->service;
	const struct ipaddr *best = NULL, *addrs;
	size_t n;

	addrs = holders_shared(&n, d->holders, s);
	for (size_t i = 0; i < n && i < SHARED_TRIED; i++)
		if (addrs[i].family == family && (!best || ipaddr_cmp(&addrs[i], best) < 0) &&
			is_in_pool(d, &addrs[i], s->wish.pool) &&
			!holders_obstacle(d->holders, &addrs[i], s).holder)
			best = &addrs[i];
	if (best)
		*ret = *best;
	return best;
}

struct choice {
	struct ipaddr vips[2];
	size_t n;
	bool is_had[2]; /* by family of the wish */
};

static void choose_kept(struct choice *c, const struct desk *d, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families && c->n < w->n_wanted; i++)
		if (find_kept(&c->vips[c->n], d, a, w->families[i])) {
			c->is_had[i] = true;
			c->n++;
		}
}

static void choose_new(struct choice *c, struct desk *d, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families && c->n < w->n_wanted; i++) {
		int family = w->families[i];

		if (c->is_had[i])
			continue;
		if (find_shared(&c->vips[c->n], d, a, family) ||
			vacancy_find(&c->vips[c->n], d->vacancy, w, a->service->id.ns, family)) {
			c->is_had[i] = true;
			c->n++;
		}
	}
}

/* The first family that it wants, has not, and that there is in the pools at all. */
static int family_missing(const struct desk *d, const struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families; i++)
		if (!c->is_had[i] &&
			vacancy_size(&d->pools, w, a->service->id.ns, w->families[i]) > 0)
			return w->families[i];
	return w->families[0];
}

static void refuse_exhausted(struct desk *d, struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;
	const char *ns = a->service->id.ns;
	CLEANUP_FREE char *names = pools_names(&d->pools, w, ns);
	int family = family_missing(d, a, c);

	refuse(a, REASON_POOL_EXHAUSTED,
		xasprintf("no free %s address in %s: all %" PRIu64 " are in use",
			wish_family_name(family), names, vacancy_size(&d->pools, w, ns, family)));
}

/*
 * True: it has all it wants; or it gave something back, after which it takes no more until its
 * status says so, lest it waits for one who waits for it.
 */
static bool grant_any(struct desk *d, struct assignment *a)
{
	const struct wish *w = &a->service->wish;
	struct choice c = {0};
	struct refusal refusal;
	bool gave;

	choose_kept(&c, d, a);
	choose_new(&c, d, a);
	if (c.n < w->n_needed) {
		if (pools_refuse(&refusal, &d->pools, w, a->service->id.ns))
			refuse(a, refusal.reason, refusal.message);
		else
			refuse_exhausted(d, a, &c);
		return false;
	}
	for (size_t i = 0; i < c.n; i++)
		if (!has(a, &c.vips[i]))
			take(d, a, &c.vips[i]);
	gave = release_others(d, a, c.vips, c.n);
	approve(a);
	return gave || c.n == w->n_wanted;
}

/* Those that name addresses come before those that take any. */
static void grant_round(struct desk *d)
{
	CLEANUP_FREE bool *granted = xcalloc(d->n_queue, sizeof *granted);
	size_t n = 0;

	d->moved = false;
	for (size_t i = 0; i < d->n_queue; i++)
		if (d->queue[i]->service->wish.n_vips)
			granted[i] = grant_named(d, d->queue[i]);
	for (size_t i = 0; i < d->n_queue; i++)
		if (!d->queue[i]->service->wish.n_vips)
			granted[i] = grant_any(d, d->queue[i]);
	for (size_t i = 0; i < d->n_queue; i++)
		if (!granted[i])
			d->queue[n++] = d->queue[i];
	d->n_queue = n;
}

static int by_seniority(const void *pa, const void *pb)
{
	const struct assignment *const *a = pa, *const *b = pb;

	return service_cmp_seniority((*a)->service, (*b)->service);
}

/* Who keeps what it has before whom: one that is wrong takes nothing from one that is not. */
static int rank_of(const struct service *s)
{
	return !s->reason ? 0 : holders_is_unread(s) ? 2 : 1;
}

/* Those that are wrong ask for nothing. */
static void set_aside_wrong(struct desk *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_queue; i++) {
		struct assignment *a = d->queue[i];

		if (a->service->reason)
			refuse(a, a->service->reason, xstrdup(a->service->message));
		else
			d->queue[n++] = a;
	}
	d->n_queue = n;
}

static void allocate(struct desk *d, struct allocation *result)
{
	d->n_queue = result->n_items;
	for (size_t i = 0; i < result->n_items; i++)
		d->queue[i] = &result->items[i];
	qsort(d->queue, d->n_queue, sizeof(struct assignment *), by_seniority);
	for (int rank = 0; rank <= 2; rank++)
		for (size_t i = 0; i < d->n_queue; i++)
			if (rank_of(d->queue[i]->service) == rank)
				keep_held(d, d->queue[i]);
	set_aside_wrong(d);
	d->moved = true;
	for (int round = 0; round < ROUNDS && d->moved && d->n_queue; round++)
		grant_round(d);
}

static void name_pools(const struct desk *d, struct allocation *result)
{
	for (size_t i = 0; i < result->n_items; i++) {
		struct assignment *a = &result->items[i];
		const struct pool *pool = a->n_vips ? pools_of(&d->pools, &a->vips[0]) : NULL;

		a->pool = pool ? pool->config->name : NULL;
	}
}

static void promise(struct promises *p, const struct allocation *a)
{
	for (size_t i = 0; i < a->n_items; i++)
		promises_make(p, a->items[i].service, a->items[i].vips, a->items[i].n_vips);
	promises_sweep(p);
}

struct allocation *allocation_build(
	const struct store *s, const struct fleet_rules *rules, struct promises *promises)
{
	struct allocation *result = xnew0(struct allocation);
	CLEANUP_FREE const struct service **services = store_services(&result->n_items, s, rules);
	struct desk d = {.holders = holders_new(), .promises = promises};

	result->items = xcalloc(result->n_items, sizeof *result->items);
	for (size_t i = 0; i < result->n_items; i++)
		result->items[i].service = services[i];
	pools_init(&d.pools, rules->pools, rules->n_pools);
	d.vacancy = vacancy_new(&d.pools, d.holders);
	d.queue = xcalloc(result->n_items, sizeof(struct assignment *));
	allocate(&d, result);
	name_pools(&d, result);
	free(d.queue);
	vacancy_free(d.vacancy);
	pools_done(&d.pools);
	holders_free(d.holders);
	if (promises)
		promise(promises, result);
	return result;
}

struct allocation *allocation_free(struct allocation *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < a->n_items; i++) {
		free(a->items[i].vips);
		free(a->items[i].message);
	}
	free(a->items);
	free(a);
	return NULL;
}

const struct assignment *allocation_find(
	const struct allocation *a, const char *ns, const char *name)
{
	size_t low = 0, high = a->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct objname *id = &a->items[middle].service->id;
		int order = strcmp(id->ns, ns);

		if (order == 0)
			order = strcmp(id->name, name);
		if (order == 0)
			return &a->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
