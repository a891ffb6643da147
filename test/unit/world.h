/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "address/allocation.h"
#include "config/pool.h"
#include "objects.h"

/* Pools and Services with a status, for tests of how addresses are allocated. */

enum { TEST_RANGES = 3 };

struct test_pool {
	struct config_pool pool;
	struct config_range ranges[TEST_RANGES];
};

/* `ranges` has spaces between them; with `ns`, the pool is for that namespace alone. */
static inline void test_pool_init(
	struct test_pool *ret, const char *name, const char *ranges, char *ns[])
{
	CLEANUP_FREE char *copy = xstrdup(ranges);
	char *rest = copy, *item;
	struct err e = {0};

	*ret = (struct test_pool){.pool = {.name = xstrdup(name), .auto_assign = true}};
	while ((item = strsep(&rest, " "))) {
		if (config_range_parse(&ret->ranges[ret->pool.n_ranges++], item, &e) < 0)
			fail_msg("%s", e.msg);
	}
	ret->pool.namespaces = ns;
	ret->pool.n_namespaces = ns ? 1 : 0;
}

/* The pools of several for rules, once they are at their final place. */
static inline void test_pools_join(struct config_pool ret[], struct test_pool from[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = from[i].pool;
		ret[i].ranges = from[i].ranges;
	}
}

static inline void test_pools_done(struct test_pool pools[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(pools[i].pool.name);
}
/* The pools of these tests: "public" for all, "shop" for one namespace, "reserved" by name. */
enum { N_POOLS = 4 };

struct world {
	struct test_pool parts[N_POOLS];
	struct config_pool pools[N_POOLS];
	struct fleet_rules rules;
	struct store *store;
};

static inline void world_init(struct world *w)
{
	static char shop[] = "shop", *namespaces[] = {shop};

	test_pool_init(&w->parts[0], "public", "10.1.1.1-10.1.1.3 fd00::1-fd00::2", NULL);
	test_pool_init(&w->parts[1], "shop", "10.2.2.0/30", namespaces);
	test_pool_init(&w->parts[2], "reserved", "10.3.3.254-10.3.4.1", NULL);
	test_pool_init(&w->parts[3], "wide", "2001:db8::/32", NULL);
	w->parts[2].pool.auto_assign = w->parts[3].pool.auto_assign = false;
	w->parts[2].pool.avoid_buggy_ips = true;
	test_pools_join(w->pools, w->parts, N_POOLS);
	w->rules = (struct fleet_rules){.fleet = "a",
		.addressing = ADDRESSING_STATUS,
		.pools = w->pools,
		.n_pools = N_POOLS};
	w->store = store_new();
}

static inline void world_done(struct world *w)
{
	store_free(w->store);
	test_pools_done(w->parts, N_POOLS);
}

/* A Service with a port 80: "NS/NAME", its annotations, more of its spec, its held addresses. */
static inline json_t *service(
	const char *id, const char *annotations, const char *spec, const char *held)
{
	CLEANUP_FREE char *copy = xstrdup(id), *addrs = xstrdup(held), *yaml = NULL;
	char *name = strchr(copy, '/'), *rest = addrs, *addr;
	json_t *object, *ingress;

	*name++ = '\0';
	yaml = xasprintf("apiVersion: v1\nkind: Service\n"
			 "metadata: {name: %s, namespace: %s, annotations: {%s}}\n"
			 "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, %s%s}\n"
			 "status: {loadBalancer: {ingress: []}}\n",
		name, copy, annotations, spec, strstr(spec, "ports") ? "" : " ports: [{port: 80}]");
	object = object_of(yaml);
	ingress = json_object_get(
		json_object_get(json_object_get(object, "status"), "loadBalancer"), "ingress");
	while ((addr = strsep(&rest, " ")))
		if (*addr)
			json_array_append_new(ingress, json_pack("{s:s}", "ip", addr));
	return object;
}

static inline void put_object(struct world *w, const json_t *object)
{
	enum store_change change;
	struct err e = {0};

	if (store_put(&change, w->store, object, &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void put(struct world *w, const char *id, const char *annotations, const char *spec,
	const char *held)
{
	json_auto_t *object = service(id, annotations, spec, held);

	put_object(w, object);
}

static inline char *vips_of(const struct assignment *a)
{
	char *text = xstrdup(""), addr[IPADDR_TEXT];

	for (size_t i = 0; i < a->n_vips; i++) {
		CLEANUP_FREE char *before = text;

		text = xasprintf("%s%s%s", before, i ? " " : "", ipaddr_format(addr, &a->vips[i]));
	}
	return text;
}

/* The allocation of the Services as they are. */
static inline struct allocation *world_allocate(const struct world *w)
{
	struct allocation *all = allocation_new(w->store, &w->rules);

	allocation_settle(all, NULL, NULL);
	return all;
}

/* "NS/NAME VIPS [REASON: MESSAGE]" of each Service. */
static inline char *describe(const struct allocation *all)
{
	const struct assignment *const *items;
	size_t n_items, len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	items = allocation_items(all, &n_items);
	for (size_t i = 0; i < n_items; i++) {
		const struct assignment *a = items[i];
		CLEANUP_FREE char *vips = vips_of(a);

		fprintf(out, "%s/%s %s", a->service->id.ns, a->service->id.name, vips);
		if (a->reason)
			fprintf(out, "%s%s: %s", a->n_vips ? " " : "", reason_name(a->reason),
				a->message);
		fputc('\n', out);
	}
	fclose(out);
	return text;
}
