/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/lists.h"
#include "config/loader.h"
#include "config/schema.h"

DEFINE_CLEANUP(struct config *, config_free);

/* Where `name` of `section` is said, or the section is, or the document starts. */
static struct loader_place place_of(
	struct loader *l, const char *path, const char *section, const char *name)
{
	struct yaml_mark at = yaml_mark_of_key(l->marks, json_object_get(l->root, section), name);

	if (!at.line)
		at = yaml_mark_of_key(l->marks, l->root, section);
	return (struct loader_place){path, at.line ? at : (struct yaml_mark){1, 1}};
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
		return loader_fail(l, place_of(l, "bgp.as", "bgp", "peers"),
			"missing; bgp.peers needs our own AS number");
	if (!is_pair(&c->node.pod_address, &c->node.pod_address6))
		return loader_fail(l, place_of(l, "node.podAddress6", "node", "podAddress6"),
			"must be of the other family than node.podAddress");
	if (!is_pair(&c->node.node_address, &c->node.node_address6))
		return loader_fail(l, place_of(l, "node.nodeAddress6", "node", "nodeAddress6"),
			"must be of the other family than node.nodeAddress");
	if (c->keepalived.shutdown_timeout <= c->node.drain)
		return loader_fail(l,
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
		r = loader_object(l, (struct loader_place){"", {1, 1}}, "", l->config, l->root);
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
	lists_done(c);
	schema_done(c, "");
	free(c);
	return NULL;
}
