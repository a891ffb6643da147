/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lists.h"

#include <string.h>

#include "base/mem.h"
#include "doc/jsonx.h"

static const char peer_section[] = "bgp.peers[]";
static const char pool_section[] = "pools[]";

static int load_peer(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	struct config_peer *peer = &c->bgp.peers[c->bgp.n_peers++];
	int r;

	schema_init(peer, peer_section);
	r = loader_object(l, where, peer_section, peer, value);
	if (r < 0)
		return r;
	if (!peer->address.family)
		return loader_fail(
			l, (struct loader_place){"bgp.peers[].address", where.at}, "missing");
	if (peer->address.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&peer->address.v6))
		return loader_fail(l, (struct loader_place){"bgp.peers[].address", where.at},
			"is link-local, which leads nowhere without an interface");
	for (const struct config_peer *p = c->bgp.peers; p < peer; p++)
		if (ipaddr_equal(&p->address, &peer->address))
			return loader_fail(l, where,
				"the same address as another peer; a session is told by it alone");
	peer->as_is_ours = peer->as == 0;
	return 0;
}

static int load_aggregate(
	struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	struct ipnet *net = &c->bgp.aggregates[c->bgp.n_aggregates];
	struct err cause = {0};

	if (!json_is_string(value))
		return loader_fail(l, where, "must be a prefix such as 10.1.1.0/24, not %s",
			jsonx_type_name(value));
	if (ipnet_parse(net, json_string_value(value), &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	if (net->len == 0)
		return loader_fail(l, where, "'%s' would be a default route to this pod",
			json_string_value(value));
	for (size_t i = 0; i < c->bgp.n_aggregates; i++)
		if (ipnet_cmp(&c->bgp.aggregates[i], net) == 0)
			return loader_fail(
				l, where, "'%s' is there twice", json_string_value(value));
	c->bgp.n_aggregates++;
	return 0;
}

static int load_pool(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	struct config_pool *pool = &c->pools[c->n_pools++];
	int r;

	schema_init(pool, pool_section);
	r = loader_object(l, where, pool_section, pool, value);
	if (r < 0)
		return r;
	if (!pool->name)
		return loader_fail(l, (struct loader_place){"pools[].name", where.at}, "missing");
	if (pool->n_ranges == 0)
		return loader_fail(l, (struct loader_place){"pools[].addresses", where.at},
			"missing; the pool '%s' needs some, such as 10.1.1.0/24", pool->name);
	for (const struct config_pool *p = c->pools; p < pool; p++)
		if (strcmp(p->name, pool->name) == 0)
			return loader_fail(l, (struct loader_place){"pools[].name", where.at},
				"there are two pools '%s'", pool->name);
	return 0;
}

/* Of all ranges before the one that is being loaded, whose pool may have no name yet. */
static int check_overlap(struct loader *l, struct loader_place where,
	const struct config_range *range, const struct config_pool *pool)
{
	char this[CONFIG_RANGE_TEXT], other[CONFIG_RANGE_TEXT];
	const struct config *c = l->config;

	for (const struct config_pool *p = c->pools; p < c->pools + c->n_pools; p++)
		for (size_t i = 0; i < p->n_ranges; i++) {
			const struct config_range *one = &p->ranges[i];

			if (!config_ranges_overlap(one, range))
				continue;
			return loader_fail(l, where, "%s overlaps %s of %s%s%s",
				config_range_format(this, range), config_range_format(other, one),
				p == pool ? "the same pool" : "the pool '",
				p == pool ? "" : p->name, p == pool ? "" : "'");
		}
	return 0;
}

static int load_range(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config_pool *pool = base;
	struct config_range *range = &pool->ranges[pool->n_ranges];
	struct err cause = {0};
	int r;

	if (!json_is_string(value))
		return loader_fail(l, where,
			"must be a range such as 10.1.1.0/24 or 10.1.1.10-10.1.1.20, not %s",
			jsonx_type_name(value));
	if (config_range_parse(range, json_string_value(value), &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	r = check_overlap(l, where, range, pool);
	if (r == 0)
		pool->n_ranges++;
	return r;
}

static int load_namespace(
	struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	static const struct schema_key label = {.type = SCHEMA_LABEL, .min = 1};
	struct config_pool *pool = base;
	struct err cause = {0};

	if (!json_is_string(value))
		return loader_fail(l, where, "must be a namespace, not %s", jsonx_type_name(value));
	if (schema_set(&label, &pool->namespaces[pool->n_namespaces], json_string_value(value),
		    &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	pool->n_namespaces++;
	return 0;
}

static const struct {
	size_t size; /* of an item */
	int (*load)(struct loader *l, struct loader_place where, void *base, const json_t *value);
} kinds[] = {
	[SCHEMA_PEERS] = {sizeof(struct config_peer), load_peer},
	[SCHEMA_PREFIXES] = {sizeof(struct ipnet), load_aggregate},
	[SCHEMA_POOLS] = {sizeof(struct config_pool), load_pool},
	[SCHEMA_RANGES] = {sizeof(struct config_range), load_range},
	[SCHEMA_LABELS] = {sizeof(char *), load_namespace},
};

int lists_load(struct loader *l, struct loader_place where, const struct schema_key *k, void *base,
	const json_t *list)
{
	size_t n = json_array_size(list), i;
	const json_t *item;
	int r = 0;

	if (!json_is_array(list))
		return loader_fail(l, where, "must be a list, not %s", jsonx_type_name(list));
	if (n > k->max)
		return loader_fail(
			l, where, "has %zu items; at most %zu are allowed", n, (size_t)k->max);
	*(void **)schema_field(k, base) = xcalloc(n, kinds[k->type].size);
	json_array_foreach(list, i, item) {
		struct loader_place item_place = {k->path, loader_mark(l, item, where.at)};

		r = kinds[k->type].load(l, item_place, base, item);
		if (r < 0)
			break;
	}
	return r;
}

void lists_done(struct config *c)
{
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		schema_done(&c->bgp.peers[i], peer_section);
	free(c->bgp.peers);
	free(c->bgp.aggregates);
	for (size_t i = 0; i < c->n_pools; i++)
		config_pool_done(&c->pools[i]);
	free(c->pools);
}
