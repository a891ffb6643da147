/* SPDX-License-Identifier: Apache-2.0 */
#include "address/grants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "address/holders.h"
#include "address/pools.h"
#include "address/quota.h"
#include "address/vacancy.h"
#include "objects/annotations.h"
#include "objects/port.h"

/* Ports that are looked for, for one that may join, at addresses that others share; so one with
 * few ports looks at many of these. */
enum { SHARED_WORK = 2048 };

struct grants {
	struct pools pools;
	struct holders *holders;
	struct vacancy *vacancy;
	struct quota *quota;
	bool moved; /* something that others wait for, or their reasons, may have changed */
};

struct grants *grants_new(const struct fleet_rules *rules)
{
	struct grants *g = xnew0(struct grants);

	pools_init(&g->pools, rules->pools, rules->n_pools);
	g->holders = holders_new();
	g->vacancy = vacancy_new(&g->pools, g->holders);
	g->quota = quota_new();
	return g;
}

struct grants *grants_free(struct grants *g)
{
	if (!g)
		return NULL;
	quota_free(g->quota);
	vacancy_free(g->vacancy);
	holders_free(g->holders);
	pools_done(&g->pools);
	free(g);
	return NULL;
}

bool grants_moved(struct grants *g)
{
	bool moved = g->moved;

	g->moved = false;
	return moved;
}

void grants_name_pool(const struct grants *g, struct assignment *a)
{
	const struct pool *pool = a->n_vips ? pools_of(&g->pools, &a->vips[0]) : NULL;

	a->pool = pool ? pool->config->name : NULL;
}

/* What other fleets tell about, too, is left as it is, or each of them would change it again. */
static bool is_told_by_others(const struct service *s)
{
	return s->any_fleet || s->reason == REASON_FLEET_MISMATCH;
}

static bool keep(struct grants *g, const struct service *s, const struct pool *pool,
	const struct ipaddr *addr)
{
	bool is_free = holders_is_free(g->holders, addr);

	if (!holders_keep(g->holders, addr, s))
		return false;
	if (is_free)
		quota_add(g->quota, pool, s->id.ns);
	return true;
}

bool grants_keep(struct grants *g, struct assignment *a, const struct ipaddr vips[], size_t n)
{
	const struct service *s = a->service;
	bool all = true;

	for (size_t i = 0; s->reason != REASON_NOT_LOAD_BALANCER && i < n; i++) {
		const struct pool *pool = pools_of(&g->pools, &vips[i]);

		if (pool && !pool_allows(pool, s->id.ns))
			continue;
		if (pool && !keep(g, s, pool, &vips[i]))
			all = false;
		else if (pool || is_told_by_others(s))
			assignment_add(a, &vips[i]);
	}
	return all;
}

static void release(struct grants *g, const struct assignment *a, const struct ipaddr *addr)
{
	const struct pool *pool = pools_of(&g->pools, addr);

	/* What is of no pool, nobody holds. */
	if (!pool)
		return;
	holders_release(g->holders, addr, a->service);
	if (holders_is_free(g->holders, addr))
		quota_remove(g->quota, pool, a->service->id.ns);
	vacancy_released(g->vacancy, addr);
	g->moved = true;
}

void grants_take_back(struct grants *g, const struct assignment *a)
{
	for (size_t i = 0; i < a->n_vips; i++)
		release(g, a, &a->vips[i]);
}

/* Takes back what is not among `kept`. False: there is nothing else. */
static bool release_others(
	struct grants *g, struct assignment *a, const struct ipaddr kept[], size_t n_kept)
{
	size_t n = 0, n_before = a->n_vips;

	for (size_t i = 0; i < a->n_vips; i++)
		if (ipaddrs_have(kept, n_kept, &a->vips[i]))
			a->vips[n++] = a->vips[i];
		else
			release(g, a, &a->vips[i]);
	a->n_vips = n;
	return n < n_before;
}

static void take(struct grants *g, struct assignment *a, const struct ipaddr *addr)
{
	if (holders_is_free(g->holders, addr))
		quota_add(g->quota, pools_of(&g->pools, addr), a->service->id.ns);
	holders_take(g->holders, addr, a->service);
	assignment_add(a, addr);
	g->moved = true;
}

/* What a Service and its namespace would have of a pool. */
struct claimed {
	size_t by_service, by_namespace;
};

/* If it had these addresses, `n_more` that are free, and no others. */
static struct claimed claim(const struct grants *g, const struct assignment *a,
	const struct pool *pool, const struct ipaddr vips[], size_t n, size_t n_more)
{
	struct claimed c = {n_more, quota_used(g->quota, pool, a->service->id.ns) + n_more};

	for (size_t i = 0; i < n; i++) {
		if (pools_of(&g->pools, &vips[i]) != pool)
			continue;
		c.by_service++;
		c.by_namespace += holders_is_free(g->holders, &vips[i]);
	}
	for (size_t i = 0; i < a->n_vips; i++)
		if (pools_of(&g->pools, &a->vips[i]) == pool &&
			!ipaddrs_have(vips, n, &a->vips[i]) &&
			holders_is_alone(g->holders, &a->vips[i]))
			c.by_namespace--;
	return c;
}

static bool is_within(const struct claimed *c, const struct config_pool *pool)
{
	return (!pool->per_service || c->by_service <= pool->per_service) &&
	       (!pool->per_namespace || c->by_namespace <= pool->per_namespace);
}

static void refuse_quota(struct assignment *a, const struct pool *pool, const struct claimed *c)
{
	const struct config_pool *config = pool->config;

	if (config->per_service && c->by_service > config->per_service)
		assignment_refuse(a, REASON_QUOTA_EXCEEDED,
			xasprintf("it asks for %zu addresses of the pool %s; a Service may have "
				  "%" PRIu32,
				c->by_service, config->name, config->per_service));
	else
		assignment_refuse(a, REASON_QUOTA_EXCEEDED,
			xasprintf("the namespace %s would have %zu addresses of the pool %s; it "
				  "may have %" PRIu32,
				a->service->id.ns, c->by_namespace, config->name,
				config->per_namespace));
}

/* Whether what it names is more of some pool than it may have. What it has it may keep. */
static bool find_excess(struct grants *g, struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (size_t i = 0; i < w->n_vips; i++) {
		const struct pool *pool = pools_of(&g->pools, &w->vips[i]);
		struct claimed c = claim(g, a, pool, w->vips, w->n_vips, 0);

		if (assignment_has(a, &w->vips[i]) || is_within(&c, pool->config))
			continue;
		refuse_quota(a, pool, &c);
		return true;
	}
	return false;
}

static bool is_in_pool(const struct grants *g, const struct ipaddr *addr, const char *name)
{
	const struct pool *pool = pools_of(&g->pools, addr);

	return !name || (pool && strcmp(pool->config->name, name) == 0);
}

static bool has_all_it_names(const struct grants *g, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (size_t i = 0; i < w->n_vips; i++)
		if (!assignment_has(a, &w->vips[i]) || !is_in_pool(g, &w->vips[i], w->pool))
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
		assignment_refuse(a, REASON_ADDRESS_IN_USE,
			xasprintf("%s is shared with %s/%s, but both have %s port %u", text,
				holder->ns, holder->name, protocol_name(obstacle->port->protocol),
				obstacle->port->port));
	else
		assignment_refuse(a, REASON_ADDRESS_IN_USE,
			xasprintf("%s is in use by %s/%s; to share it, Services of one namespace "
				  "say the same " KAGO_PREFIX "share and have distinct ports",
				text, holder->ns, holder->name));
}

static bool find_obstacle(struct grants *g, struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (size_t i = 0; i < w->n_vips; i++) {
		struct obstacle obstacle = {0};

		if (!assignment_has(a, &w->vips[i]))
			obstacle = holders_obstacle(g->holders, &w->vips[i], a->service);
		if (!obstacle.holder)
			continue;
		refuse_taken(a, &w->vips[i], &obstacle);
		return true;
	}
	return false;
}

static enum grant give_named(struct grants *g, struct assignment *a)
{
	const struct wish *w = &a->service->wish;
	struct refusal refusal;

	if (!has_all_it_names(g, a)) {
		if (pools_refuse(&refusal, &g->pools, w, a->service->id.ns)) {
			assignment_refuse(a, refusal.reason, refusal.message);
			return GRANT_SETTLED;
		}
		if (find_excess(g, a) || find_obstacle(g, a))
			return GRANT_WAITS;
		for (size_t i = 0; i < w->n_vips; i++)
			if (!assignment_has(a, &w->vips[i]))
				take(g, a, &w->vips[i]);
	}
	release_others(g, a, w->vips, w->n_vips);
	assignment_approve(a);
	return GRANT_SETTLED;
}

/* The lowest that it has of a family and may keep. */
static bool find_kept(
	struct ipaddr *ret, const struct grants *g, const struct assignment *a, int family)
{
	for (size_t i = 0; i < a->n_vips; i++)
		if (a->vips[i].family == family &&
			is_in_pool(g, &a->vips[i], a->service->wish.pool)) {
			*ret = a->vips[i];
			return true;
		}
	return false;
}

struct choice {
	const struct grants *g;
	const struct assignment *a;
	struct ipaddr vips[2];
	size_t n;
	bool is_had[2]; /* by family of the wish */
};

/* Whether it may have one more of the pool, which is free or, if shared, is not. */
static bool has_room(const struct choice *c, const struct pool *pool, bool shared)
{
	struct claimed claimed = claim(c->g, c->a, pool, c->vips, c->n, 1);

	claimed.by_namespace -= shared;
	return is_within(&claimed, pool->config);
}

/* The lowest that others with the same key have and let it join. */
static bool find_shared(struct ipaddr *ret, const struct choice *c, int family)
{
	const struct grants *g = c->g;
	const struct service *s = c->a->service;
	const struct ipaddr *addrs;
	size_t n, n_tried = 1 + SHARED_WORK / (s->n_ports + 1);

	addrs = holders_shared(&n, g->holders, s);
	for (size_t i = 0; i < n && i < n_tried; i++)
		if (addrs[i].family == family && is_in_pool(g, &addrs[i], s->wish.pool) &&
			!holders_obstacle(g->holders, &addrs[i], s).holder &&
			has_room(c, pools_of(&g->pools, &addrs[i]), true)) {
			*ret = addrs[i];
			return true;
		}
	return false;
}

/* For vacancy_find. */
static bool may_have(void *ud, const struct pool *pool)
{
	return has_room(ud, pool, false);
}

static void choose_kept(struct choice *c, const struct grants *g, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families && c->n < w->n_wanted; i++)
		if (find_kept(&c->vips[c->n], g, a, w->families[i])) {
			c->is_had[i] = true;
			c->n++;
		}
}

static void choose_new(struct choice *c, struct grants *g, const struct assignment *a)
{
	const struct wish *w = &a->service->wish;
	const struct vacancy_search search = {w, a->service->id.ns, may_have, c};

	for (unsigned i = 0; i < w->n_families && c->n < w->n_wanted; i++) {
		int family = w->families[i];

		if (c->is_had[i])
			continue;
		if (find_shared(&c->vips[c->n], c, family) ||
			vacancy_find(&c->vips[c->n], g->vacancy, &search, family)) {
			c->is_had[i] = true;
			c->n++;
		}
	}
}

/* The first family that it wants, has not, and that there is in the pools at all. */
static int family_missing(
	const struct grants *g, const struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families; i++)
		if (!c->is_had[i] &&
			vacancy_size(&g->pools, w, a->service->id.ns, w->families[i]) > 0)
			return w->families[i];
	return w->families[0];
}

static void refuse_exhausted(struct grants *g, struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;
	const char *ns = a->service->id.ns;
	CLEANUP_FREE char *names = pools_names(&g->pools, w, ns);
	int family = family_missing(g, a, c);

	assignment_refuse(a, REASON_POOL_EXHAUSTED,
		xasprintf("no free %s address in %s: all %" PRIu64 " are in use",
			wish_family_name(family), names, vacancy_size(&g->pools, w, ns, family)));
}

/* Whether a pool that fits it has something, but it may not have more of that. */
static bool refuse_more(struct grants *g, struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;
	int family = family_missing(g, a, c);

	for (size_t i = 0; i < g->pools.n_items; i++) {
		const struct pool *pool = &g->pools.items[i];
		struct claimed claimed = claim(g, a, pool, c->vips, c->n, 1);

		if (!pool_has_family(pool, family) || !pool_fits(pool, w, a->service->id.ns) ||
			is_within(&claimed, pool->config))
			continue;
		refuse_quota(a, pool, &claimed);
		return true;
	}
	return false;
}

/* Whether the pools alone keep it from having more. */
static bool has_all_there_is(
	const struct grants *g, const struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;

	for (unsigned i = 0; i < w->n_families; i++)
		if (!c->is_had[i] &&
			vacancy_size(&g->pools, w, a->service->id.ns, w->families[i]) > 0)
			return false;
	return !w->share;
}

static enum grant refuse_any(struct grants *g, struct assignment *a, const struct choice *c)
{
	const struct wish *w = &a->service->wish;
	struct refusal refusal;

	if (!pools_refuse(&refusal, &g->pools, w, a->service->id.ns)) {
		if (!refuse_more(g, a, c))
			refuse_exhausted(g, a, c);
		return GRANT_WAITS;
	}
	assignment_refuse(a, refusal.reason, refusal.message);
	return w->share ? GRANT_WAITS : GRANT_SETTLED;
}

static enum grant give_any(struct grants *g, struct assignment *a)
{
	const struct wish *w = &a->service->wish;
	struct choice c = {.g = g, .a = a};
	bool gave;

	choose_kept(&c, g, a);
	choose_new(&c, g, a);
	if (c.n < w->n_needed)
		return refuse_any(g, a, &c);
	for (size_t i = 0; i < c.n; i++)
		if (!assignment_has(a, &c.vips[i]))
			take(g, a, &c.vips[i]);
	gave = release_others(g, a, c.vips, c.n);
	assignment_approve(a);
	if (c.n == w->n_wanted || has_all_there_is(g, a, &c))
		return GRANT_SETTLED;
	return gave ? GRANT_LATER : GRANT_WAITS;
}

enum grant grants_give(struct grants *g, struct assignment *a)
{
	return a->service->wish.n_vips ? give_named(g, a) : give_any(g, a);
}
