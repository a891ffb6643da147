/* SPDX-License-Identifier: Apache-2.0 */
#include "address/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sorted.h"
#include "objects/annotations.h"
#include "objects/suggest.h"

enum { NAMES_LISTED = 8 };

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_first(const void *a, const void *b)
{
	const struct config_range *ra = a, *rb = b;

	return ipaddr_cmp(&ra->first, &rb->first);
}

static int by_range(const void *a, const void *b)
{
	const struct pool_range *ra = a, *rb = b;

	return by_first(ra->range, rb->range);
}

static void pool_init(struct pool *ret, const struct config_pool *config)
{
	*ret = (struct pool){.config = config};
	ret->namespaces = xcalloc(config->n_namespaces, sizeof *ret->namespaces);
	for (size_t i = 0; i < config->n_namespaces; i++)
		ret->namespaces[i] = config->namespaces[i];
	qsort(ret->namespaces, config->n_namespaces, sizeof *ret->namespaces, by_text);
	ret->ranges = xcalloc(config->n_ranges, sizeof *ret->ranges);
	for (size_t i = 0; i < config->n_ranges; i++) {
		ret->ranges[i] = config->ranges[i];
		ret->has_v4 |= config->ranges[i].first.family == AF_INET;
		ret->has_v6 |= config->ranges[i].first.family == AF_INET6;
	}
	qsort(ret->ranges, config->n_ranges, sizeof *ret->ranges, by_first);
}

void pools_init(struct pools *ret, const struct config_pool configs[], size_t n_configs)
{
	size_t n = 0;

	*ret = (struct pools){.n_items = n_configs};
	ret->items = xcalloc(n_configs, sizeof *ret->items);
	for (size_t i = 0; i < n_configs; i++) {
		pool_init(&ret->items[i], &configs[i]);
		ret->n_ranges += configs[i].n_ranges;
	}
	ret->ranges = xcalloc(ret->n_ranges, sizeof *ret->ranges);
	for (size_t i = 0; i < n_configs; i++)
		for (size_t k = 0; k < configs[i].n_ranges; k++)
			ret->ranges[n++] =
				(struct pool_range){&ret->items[i].ranges[k], &ret->items[i]};
	qsort(ret->ranges, ret->n_ranges, sizeof *ret->ranges, by_range);
}

void pools_done(struct pools *p)
{
	for (size_t i = 0; i < p->n_items; i++) {
		free(p->items[i].namespaces);
		free(p->items[i].ranges);
	}
	free(p->items);
	free(p->ranges);
	*p = (struct pools){0};
}

static int cmp_last(const void *addr, const void *item)
{
	const struct pool_range *range = item;

	return ipaddr_cmp(addr, &range->range->last);
}

const struct pool *pools_of(const struct pools *p, const struct ipaddr *addr)
{
	/* Pools do not overlap: only the first range that does not end before it can have it. */
	size_t i = sorted_place(addr, p->ranges, p->n_ranges, sizeof *p->ranges, cmp_last);

	if (i == p->n_ranges || ipaddr_cmp(&p->ranges[i].range->first, addr) > 0)
		return NULL;
	return p->ranges[i].pool;
}

const struct pool *pools_named(const struct pools *p, const char *name)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (strcmp(p->items[i].config->name, name) == 0)
			return &p->items[i];
	return NULL;
}

bool pool_allows(const struct pool *p, const char *ns)
{
	size_t n = p->config->n_namespaces;

	return n == 0 || bsearch(&ns, p->namespaces, n, sizeof *p->namespaces, by_text);
}

bool pool_has_family(const struct pool *p, int family)
{
	return family == AF_INET ? p->has_v4 : p->has_v6;
}

bool pools_allow(const struct pools *p, const struct ipaddr *addr, const char *ns)
{
	const struct pool *pool = pools_of(p, addr);

	return pool && pool_allows(pool, ns);
}

bool pool_fits(const struct pool *p, const struct wish *w, const char *ns)
{
	if (w->pool ? strcmp(p->config->name, w->pool) != 0 : !p->config->auto_assign)
		return false;
	return pool_allows(p, ns);
}

bool pool_avoids(const struct pool *p, const struct ipaddr *addr)
{
	uint8_t end = addr->bytes[3];

	return p->config->avoid_buggy_ips && addr->family == AF_INET && (end == 0 || end == 255);
}

/* "a, b" of those for which `is_wanted` is true; "none" if there are none. */
static char *names_of(const struct pools *p, const void *ud,
	bool (*is_wanted)(const struct pool *one, const void *ud))
{
	char *names = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		CLEANUP_FREE char *before = NULL;

		if (!is_wanted(&p->items[i], ud) || n++ >= NAMES_LISTED)
			continue;
		before = names;
		names = xasprintf("%s%s%s", before ? before : "", before ? ", " : "",
			p->items[i].config->name);
	}
	if (n > NAMES_LISTED) {
		CLEANUP_FREE char *before = names;

		names = xasprintf("%s and %zu more", before, n - NAMES_LISTED);
	}
	return names ? names : xstrdup("none");
}

static bool is_allowed(const struct pool *one, const void *ns)
{
	return pool_allows(one, ns);
}

struct asker {
	const struct wish *wish;
	const char *ns;
};

static bool is_fitting(const struct pool *one, const void *ud)
{
	const struct asker *asker = ud;

	return pool_fits(one, asker->wish, asker->ns);
}

char *pools_names(const struct pools *p, const struct wish *w, const char *ns)
{
	return names_of(p, &(struct asker){w, ns}, is_fitting);
}

/* Consumes `message`. */
static bool refuse(struct refusal *ret, enum reason reason, char *message)
{
	*ret = (struct refusal){reason, message};
	return true;
}

static bool refuse_pool(
	struct refusal *ret, const struct pools *p, const struct wish *w, const char *ns)
{
	CLEANUP_FREE char *allowed = NULL;
	CLEANUP_FREE const char **names = NULL;
	const struct pool *pool = w->pool ? pools_named(p, w->pool) : NULL;
	const char *near;

	if (!w->pool || (pool && pool_allows(pool, ns)))
		return false;
	allowed = names_of(p, ns, is_allowed);
	if (pool)
		return refuse(ret, REASON_POOL_NOT_ALLOWED,
			xasprintf(KAGO_PREFIX "pool: the namespace %s may not use the pool %s; it "
					      "may use %s",
				ns, w->pool, allowed));
	names = xcalloc(p->n_items, sizeof *names);
	for (size_t i = 0; i < p->n_items; i++)
		names[i] = p->items[i].config->name;
	near = suggest_nearest(w->pool, names, p->n_items);
	return refuse(ret, REASON_POOL_UNKNOWN,
		near ? xasprintf(KAGO_PREFIX "pool: there is no pool '%s'; did you mean %s?",
			       w->pool, near)
		     : xasprintf(KAGO_PREFIX
			       "pool: there is no pool '%s'; the namespace %s may use %s",
			       w->pool, ns, allowed));
}

static bool refuse_vip(struct refusal *ret, const struct pools *p, const struct wish *w,
	const char *ns, const struct ipaddr *vip)
{
	const enum reason reason = REASON_ADDRESS_NOT_IN_POOL;
	const struct pool *pool = pools_of(p, vip);
	CLEANUP_FREE char *allowed = NULL;
	char addr[IPADDR_TEXT];

	ipaddr_format(addr, vip);
	if (pool && pool_allows(pool, ns)) {
		const char *name = pool->config->name;

		if (w->pool && strcmp(name, w->pool) != 0)
			return refuse(ret, reason,
				xasprintf("%s is in the pool %s, not in %s that " KAGO_PREFIX
					  "pool names",
					addr, name, w->pool));
		if (pool_avoids(pool, vip))
			return refuse(ret, reason,
				xasprintf("%s is not handed out: the pool %s avoids addresses "
					  "that end in .0 or .255",
					addr, name));
		return false;
	}
	allowed = names_of(p, ns, is_allowed);
	return refuse(ret, reason,
		pool ? xasprintf("%s is in the pool %s, which the namespace %s may not use; it may "
				 "use %s",
			       addr, pool->config->name, ns, allowed)
		     : xasprintf(
			       "%s is in no pool; the namespace %s may use %s", addr, ns, allowed));
}

static bool is_of_family(const struct pools *p, const struct wish *w, const char *ns, int family)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (pool_has_family(&p->items[i], family) && pool_fits(&p->items[i], w, ns))
			return true;
	return false;
}

/* Without a VIP of its own, there has to be a pool of each family that it needs. */
static bool refuse_any(
	struct refusal *ret, const struct pools *p, const struct wish *w, const char *ns)
{
	const enum reason reason = REASON_NO_POOL;
	CLEANUP_FREE char *fitting = NULL, *allowed = NULL;
	unsigned n_families = 0;
	int missing = 0;

	for (unsigned i = 0; i < w->n_families; i++)
		if (is_of_family(p, w, ns, w->families[i]))
			n_families++;
		else if (!missing)
			missing = w->families[i];
	if (n_families >= w->n_needed)
		return false;
	if (p->n_items == 0)
		return refuse(ret, reason, xstrdup("no pool is configured"));
	fitting = pools_names(p, w, ns);
	if (strcmp(fitting, "none") != 0)
		return refuse(ret, reason,
			xasprintf("no pool for it has %s addresses; looked in %s",
				wish_family_name(missing), fitting));
	allowed = names_of(p, ns, is_allowed);
	if (strcmp(allowed, "none") == 0)
		return refuse(ret, reason, xasprintf("the namespace %s may use no pool", ns));
	return refuse(ret, reason,
		xasprintf("no pool assigns addresses to the namespace %s by itself; " KAGO_PREFIX
			  "pool may name %s",
			ns, allowed));
}

bool pools_refuse(struct refusal *ret, const struct pools *p, const struct wish *w, const char *ns)
{
	if (refuse_pool(ret, p, w, ns))
		return true;
	for (size_t i = 0; i < w->n_vips; i++)
		if (refuse_vip(ret, p, w, ns, &w->vips[i]))
			return true;
	return w->n_vips == 0 && refuse_any(ret, p, w, ns);
}
