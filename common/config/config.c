/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/schema.h"
#include "doc/jsonx.h"
#include "doc/yaml.h"

DEFINE_CLEANUP(struct config *, config_free);

static const char peer_section[] = "bgp.peers[]";

struct loader {
	struct config *config;
	const char *path; /* of the file */
	json_t *root;
	struct yaml_marks *marks;
	struct err *e;
};

/* A member of the document, or an item of a list. */
struct place {
	const char *key; /* its path in the schema */
	struct yaml_mark at;
};

static int fail_at(struct loader *l, struct place where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail_at(struct loader *l, struct place where, const char *fmt, ...)
{
	char what[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(l->e, EINVAL, "%s:%u:%u: %s%s%s", l->path, where.at.line, where.at.column,
		where.key, *where.key ? ": " : "", what);
}

/* `fallback` is for values that have no place of their own. */
static struct yaml_mark mark_of(struct loader *l, const json_t *value, struct yaml_mark fallback)
{
	struct yaml_mark at = yaml_mark_of(l->marks, value);

	return at.line ? at : fallback;
}

static int load_scalar(struct loader *l, struct place where, const struct schema_key *k, void *base,
	const json_t *value)
{
	CLEANUP_FREE char *number = NULL;
	struct err cause = {0};

	if (json_is_integer(value) && schema_is_number(k))
		number = xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (!number && !json_is_string(value)) {
		CLEANUP_FREE char *expected = schema_describe(k);

		return fail_at(l, where,
			schema_is_number(k) ? "must be a %s, not %s"
					    : "must be a string (%s), not %s",
			expected, jsonx_type_name(value));
	}
	if (schema_set(k, base, number ? number : json_string_value(value), &cause) < 0)
		return fail_at(l, where, "%s", cause.msg);
	return 0;
}

static int load_object(struct loader *l, struct place where, const char *section, void *base,
	const json_t *object);

static int load_peer(struct loader *l, struct place where, const json_t *value)
{
	struct config *c = l->config;
	struct config_peer *peer = &c->bgp.peers[c->bgp.n_peers++];
	int r;

	schema_init(peer, peer_section);
	r = load_object(l, where, peer_section, peer, value);
	if (r < 0)
		return r;
	if (!peer->address.family)
		return fail_at(l, (struct place){"bgp.peers[].address", where.at}, "missing");
	for (const struct config_peer *p = c->bgp.peers; p < peer; p++)
		if (ipaddr_equal(&p->address, &peer->address) && p->port == peer->port)
			return fail_at(l, where, "the same address and port as another peer");
	peer->as_is_ours = peer->as == 0;
	return 0;
}

static int load_aggregate(struct loader *l, struct place where, const json_t *value)
{
	struct config *c = l->config;
	struct ipnet *net = &c->bgp.aggregates[c->bgp.n_aggregates];
	struct err cause = {0};

	if (!json_is_string(value))
		return fail_at(l, where, "must be a prefix such as 10.1.1.0/24, not %s",
			jsonx_type_name(value));
	if (ipnet_parse(net, json_string_value(value), &cause) < 0)
		return fail_at(l, where, "%s", cause.msg);
	for (size_t i = 0; i < c->bgp.n_aggregates; i++)
		if (ipnet_cmp(&c->bgp.aggregates[i], net) == 0)
			return fail_at(l, where, "'%s' is there twice", json_string_value(value));
	c->bgp.n_aggregates++;
	return 0;
}

static int load_list(
	struct loader *l, struct place where, const struct schema_key *k, const json_t *list)
{
	size_t n = json_array_size(list), i;
	const json_t *item;
	int r = 0;

	if (!json_is_array(list))
		return fail_at(l, where, "must be a list, not %s", jsonx_type_name(list));
	if (n > k->max)
		return fail_at(
			l, where, "has %zu items; at most %zu are allowed", n, (size_t)k->max);
	if (k->type == SCHEMA_PEERS)
		l->config->bgp.peers = xcalloc(n, sizeof(struct config_peer));
	else
		l->config->bgp.aggregates = xcalloc(n, sizeof(struct ipnet));
	json_array_foreach(list, i, item) {
		struct place item_place = {k->path, mark_of(l, item, where.at)};

		r = k->type == SCHEMA_PEERS ? load_peer(l, item_place, item)
					    : load_aggregate(l, item_place, item);
		if (r < 0)
			break;
	}
	return r;
}

static int load_member(struct loader *l, const char *section, void *base, const json_t *object,
	const char *name, const json_t *value)
{
	CLEANUP_FREE char *path = xasprintf("%s%s%s", section, *section ? "." : "", name);
	struct place key_place = {path, yaml_mark_of_key(l->marks, object, name)};
	struct place place = {path, mark_of(l, value, key_place.at)};
	bool is_plain = !strpbrk(name, ".["); /* "bgp.as" at the root is no key */
	const struct schema_key *k = is_plain ? schema_find(path) : NULL;

	if (!k && !(is_plain && schema_is_section(path))) {
		CLEANUP_FREE char *names = schema_names(section);
		char quoted[STR_QUOTED_SIZE];

		key_place.key = section;
		return fail_at(l, key_place, "%s is not a key; the keys are %s",
			str_quote(quoted, name), names);
	}
	if (json_is_null(value))
		return 0;
	if (!k)
		return load_object(l, place, path, base, value);
	return schema_is_list(k) ? load_list(l, place, k, value)
				 : load_scalar(l, place, k, base, value);
}

static int load_object(
	struct loader *l, struct place where, const char *section, void *base, const json_t *object)
{
	const char *name;
	json_t *value;
	int r;

	if (!json_is_object(object))
		return fail_at(l, where, "must be an object, not %s", jsonx_type_name(object));
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		r = load_member(l, section, base, object, name, value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where `name` of `section` is said, or the section is, or the document starts. */
static struct place place_of(
	struct loader *l, const char *path, const char *section, const char *name)
{
	struct yaml_mark at = yaml_mark_of_key(l->marks, json_object_get(l->root, section), name);

	if (!at.line)
		at = yaml_mark_of_key(l->marks, l->root, section);
	return (struct place){path, at.line ? at : (struct yaml_mark){1, 1}};
}

static bool is_pair(const struct ipaddr *a, const struct ipaddr *other)
{
	return !other->family || (a->family && a->family != other->family);
}

/* What concerns more than one key. */
static int check(struct loader *l)
{
	const struct config *c = l->config;

	if (c->bgp.n_peers && !c->bgp.as)
		return fail_at(l, place_of(l, "bgp.as", "bgp", "peers"),
			"missing; bgp.peers needs our own AS number");
	if (!is_pair(&c->node.pod_address, &c->node.pod_address6))
		return fail_at(l, place_of(l, "node.podAddress6", "node", "podAddress6"),
			"must be of the other family than node.podAddress");
	if (!is_pair(&c->node.node_address, &c->node.node_address6))
		return fail_at(l, place_of(l, "node.nodeAddress6", "node", "nodeAddress6"),
			"must be of the other family than node.nodeAddress");
	if (c->keepalived.shutdown_timeout <= c->node.drain)
		return fail_at(l,
			place_of(l, "keepalived.shutdownTimeout", "keepalived", "shutdownTimeout"),
			"must be longer than node.drain");
	return 0;
}

/* Peers that say no AS number are in ours. */
static void settle_peers(struct config *c)
{
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		if (c->bgp.peers[i].as_is_ours)
			c->bgp.peers[i].as = c->bgp.as;
}

static int load_file(struct loader *l)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, l->path, LIMIT_DOCUMENT_BYTES, l->e);

	if (r == 0)
		r = yaml_parse_located(&l->root, &l->marks, l->path, text, len, l->e);
	if (r == 0)
		r = load_object(l, (struct place){"", {1, 1}}, "", l->config, l->root);
	if (r == 0)
		r = check(l);
	return r;
}

int config_load(struct config **ret, const char *path, struct err *e)
{
	CLEANUP(config_freep) struct config *c = xnew0(struct config);
	struct loader l = {.config = c, .path = path, .e = e};
	int r = 0;

	schema_init(c, "");
	if (path)
		r = load_file(&l);
	json_decref(l.root);
	yaml_marks_free(l.marks);
	if (r < 0)
		return r;
	settle_peers(c);
	*ret = steal(c);
	return 0;
}

int config_set(struct config *c, const char *path, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const struct schema_key *k = schema_find(path);

	if (!k || strstr(path, "[]"))
		return err_set(
			e, EINVAL, "%s is not a key of the configuration", str_quote(quoted, path));
	if (schema_set(k, c, text, e) < 0)
		return err_wrap(e, "%s", path);
	settle_peers(c);
	return 0;
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		schema_done(&c->bgp.peers[i], peer_section);
	free(c->bgp.peers);
	free(c->bgp.aggregates);
	schema_done(c, "");
	free(c);
	return NULL;
}
