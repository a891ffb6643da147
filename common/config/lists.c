/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lists.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"

static const char peer_section[] = "bgp.peers[]";
static const char other_peer_section[] = "bgp.otherPeers[]";
static const char pool_section[] = "pools[]";

static int check_families(
	struct loader *l, struct loader_place where, const struct config_peer *peer)
{
	if (!peer->ipv4 && !peer->ipv6)
		return loader_fail(l, where, "gets routes of neither family; leave it out");
	if (peer->extended_next_hop && !peer->ipv4)
		return loader_fail(l,
			(struct loader_place){"bgp.peers[].extendedNextHop", where.at},
			"is of IPv4 routes, and it gets none of them");
	return 0;
}

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
			"is link-local, and exabgp 4.2 cannot say by which interface it calls a "
			"peer; use another address of it");
	if (peer->local_address.family && peer->local_address.family != peer->address.family)
		return loader_fail(l, (struct loader_place){"bgp.peers[].localAddress", where.at},
			"must be of the peer's family");
	if (check_families(l, where, peer) < 0)
		return -EINVAL;
	for (const struct config_peer *p = c->bgp.peers; peer->name[0] && p < peer; p++)
		if (strcmp(p->name, peer->name) == 0)
			return loader_fail(l, (struct loader_place){"bgp.peers[].name", where.at},
				"there are two peers '%s'", peer->name);
	for (const struct config_peer *p = c->bgp.peers; p < peer; p++)
		if (ipaddr_equal(&p->address, &peer->address))
			return loader_fail(l, where,
				"the same address as another peer; a session is told by it alone");
	peer->as_is_ours = peer->as == 0;
	return 0;
}

/* Racks may have routers of the same names, and even addresses. */
static int load_other_peer(
	struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	struct config_other_peer *peer = &c->bgp.other_peers[c->bgp.n_other_peers++];
	int r;

	schema_init(peer, other_peer_section);
	r = loader_object(l, where, other_peer_section, peer, value);
	if (r == 0 && !peer->address.family)
		r = loader_fail(
			l, (struct loader_place){"bgp.otherPeers[].address", where.at}, "missing");
	return r;
}

/* Of a text that can be read as a range or a prefix. */
static bool has_host_bits(const char *text)
{
	struct err cause = {0};
	struct ipnet net;

	return strchr(text, '/') && ipnet_parse(&net, text, &cause) < 0;
}

/* The first one is told. */
static void note_host_bits(
	struct loader *l, struct loader_place where, const char *text, const char *read_as)
{
	if (!l->config->note)
		l->config->note =
			xasprintf("%s:%u:%u: %s: '%s' has host bits set and is read as %s", l->path,
				where.at.line, where.at.column, where.key, text, read_as);
}

/*
 * Where somebody is may be said with host bits and twice, as in Kubernetes (`ipBlock.cidr`), where
 * it may come from. What is announced, and so may have no length of 0, has to be said exactly.
 */
static bool is_exact(const struct schema_key *k)
{
	return k->min > 0;
}

static int parse_prefix(
	struct ipnet *ret, const struct schema_key *k, const char *text, struct err *e)
{
	return is_exact(k) || !strchr(text, '/') ? ipnet_parse(ret, text, e)
						 : ipnet_parse_masked(ret, text, e);
}

static int load_prefix(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	const struct schema_key *k = schema_find(where.key);
	const char *text = json_string_value(value);
	struct ipnet **list = schema_field(k, base);
	size_t *n = (size_t *)(list + 1);
	struct ipnet *net = *list + *n;
	char read_as[IPNET_TEXT];
	struct err cause = {0};

	if (!text)
		return loader_fail(l, where, "must be a prefix such as 10.1.1.0/24, not %s",
			jsonx_type_name(value));
	if (parse_prefix(net, k, text, &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	if (net->len < k->min)
		return loader_fail(l, where, "'%s' would be a default route to this pod", text);
	if (has_host_bits(text))
		note_host_bits(l, where, text, ipnet_format(read_as, net));
	for (size_t i = 0; i < *n; i++)
		if (ipnet_cmp(*list + i, net) == 0)
			return is_exact(k) ? loader_fail(l, where, "'%s' is there twice", text) : 0;
	(*n)++;
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
	const char *text = json_string_value(value);
	char read_as[CONFIG_RANGE_TEXT];
	struct err cause = {0};
	int r;

	if (!text)
		return loader_fail(l, where,
			"must be a range such as 10.1.1.0/24 or 10.1.1.10-10.1.1.20, not %s",
			jsonx_type_name(value));
	if (config_range_parse(range, text, &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	/* As MetalLB reads it, whose configuration may come along. */
	if (has_host_bits(text))
		note_host_bits(l, where, text, config_range_format(read_as, range));
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

static int load_node(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	static const struct schema_key name = {.type = SCHEMA_DNS_NAME, .min = 1};
	struct config *c = base;
	struct err cause = {0};

	if (!json_is_string(value))
		return loader_fail(
			l, where, "must be the name of a node, not %s", jsonx_type_name(value));
	if (schema_set(&name, &c->tunnel.nodes[c->tunnel.n_nodes], json_string_value(value),
		    &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	c->tunnel.n_nodes++;
	return 0;
}

/* As the kernel takes names (dev_valid_name). */
static bool is_link_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= IFNAMSIZ || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)text[i]) || strchr("/:", text[i]))
			return false;
	return true;
}

static int load_link(struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	const char *text = json_string_value(value);
	char quoted[STR_QUOTED_SIZE];

	if (!text)
		return loader_fail(l, where, "must be the name of an interface, not %s",
			jsonx_type_name(value));
	if (!is_link_name(text))
		return loader_fail(l, where, "%s is not the name of an interface, such as eth0",
			str_quote(quoted, text));
	for (size_t i = 0; i < c->l2.n_interfaces; i++)
		if (strcmp(c->l2.interfaces[i], text) == 0)
			return loader_fail(l, where, "'%s' is there twice", text);
	c->l2.interfaces[c->l2.n_interfaces++] = xstrdup(text);
	return 0;
}

/* A name that a shell could set, too. */
static bool is_variable_name(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char rest[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *text && strchr(first, *text) && !text[strspn(text, rest)] &&
	       strlen(text) <= LIMIT_NAME;
}

static int load_variable(
	struct loader *l, struct loader_place where, void *base, const json_t *value)
{
	struct config *c = base;
	const char *text = json_string_value(value);
	char quoted[STR_QUOTED_SIZE];

	if (!text)
		return loader_fail(
			l, where, "must be the name of a variable, not %s", jsonx_type_name(value));
	if (!is_variable_name(text))
		return loader_fail(l, where, "%s is not the name of a variable, such as TOKEN_FILE",
			str_quote(quoted, text));
	for (size_t i = 0; i < c->exec.n_environment; i++)
		if (strcmp(c->exec.environment[i], text) == 0)
			return loader_fail(l, where, "'%s' is there twice", text);
	c->exec.environment[c->exec.n_environment++] = xstrdup(text);
	return 0;
}

static const struct {
	size_t size; /* of an item */
	int (*load)(struct loader *l, struct loader_place where, void *base, const json_t *value);
} kinds[] = {
	[SCHEMA_PEERS] = {sizeof(struct config_peer), load_peer},
	[SCHEMA_OTHER_PEERS] = {sizeof(struct config_other_peer), load_other_peer},
	[SCHEMA_PREFIXES] = {sizeof(struct ipnet), load_prefix},
	[SCHEMA_POOLS] = {sizeof(struct config_pool), load_pool},
	[SCHEMA_RANGES] = {sizeof(struct config_range), load_range},
	[SCHEMA_LABELS] = {sizeof(char *), load_namespace},
	[SCHEMA_NAMES] = {sizeof(char *), load_node},
	[SCHEMA_LINKS] = {sizeof(char *), load_link},
	[SCHEMA_VARIABLES] = {sizeof(char *), load_variable},
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
	for (size_t i = 0; i < c->bgp.n_other_peers; i++)
		schema_done(&c->bgp.other_peers[i], other_peer_section);
	free(c->bgp.other_peers);
	free(c->bgp.aggregates);
	free(c->endpoints.allow);
	free(c->http.allow);
	for (size_t i = 0; i < c->n_pools; i++)
		config_pool_done(&c->pools[i]);
	free(c->pools);
	for (size_t i = 0; i < c->tunnel.n_nodes; i++)
		free(c->tunnel.nodes[i]);
	free(c->tunnel.nodes);
	for (size_t i = 0; i < c->l2.n_interfaces; i++)
		free(c->l2.interfaces[i]);
	free(c->l2.interfaces);
	for (size_t i = 0; i < c->exec.n_environment; i++)
		free(c->exec.environment[i]);
	free(c->exec.environment);
}
