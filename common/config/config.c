/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/lists.h"
#include "config/loader.h"
#include "config/schema.h"

DEFINE_CLEANUP(struct config *, config_free);

/* The file, as long as places in it may have to be named. */
struct config_text {
	char *path;
	json_t *root;
	struct yaml_marks *marks;
};

static struct config_text *text_free(struct config_text *t)
{
	if (!t)
		return NULL;
	json_decref(t->root);
	yaml_marks_free(t->marks);
	free(t->path);
	free(t);
	return NULL;
}

/* Where `name` of `section` is said, or the section is, or the document starts. */
static struct yaml_mark mark_of(const struct config_text *t, const char *section, const char *name)
{
	struct yaml_mark at = yaml_mark_of_key(t->marks, json_object_get(t->root, section), name);

	if (!at.line)
		at = yaml_mark_of_key(t->marks, t->root, section);
	return at.line ? at : (struct yaml_mark){1, 1};
}

/* "SECTION.NAME: what", after the place of `near`, a key of the section, if there is a file. */
static int fail(const struct config *c, struct err *e, const char *section, const char *name,
	const char *near, const char *what)
{
	struct yaml_mark at;

	if (!c->text)
		return err_set(e, EINVAL, "%s.%s: %s", section, name, what);
	at = mark_of(c->text, section, near);
	return err_set(e, EINVAL, "%s:%u:%u: %s.%s: %s", c->text->path, at.line, at.column, section,
		name, what);
}

static bool is_pair(const struct ipaddr *a, const struct ipaddr *other)
{
	return !other->family || (a->family && a->family != other->family);
}

static bool is_said(const struct config_next_hop *hop)
{
	return hop->kind != CONFIG_HOP_NODE;
}

/* Where nobody speaks BGP. */
static int check_no_bgp(const struct config *c, const char *way, struct err *e)
{
	CLEANUP_FREE char *peers =
		xasprintf("are for `announce: bgp`; with `announce: %s` nobody speaks BGP", way);
	CLEANUP_FREE char *aggregates = xasprintf(
		"are for `announce: bgp`; with `announce: %s` each VIP is by itself", way);
	CLEANUP_FREE char *next_hop =
		xasprintf("is for `announce: bgp`; with `announce: %s` there are no routes", way);

	if (c->bgp.n_peers)
		return fail(c, e, "bgp", "peers", "peers", peers);
	if (c->bgp.n_aggregates)
		return fail(c, e, "bgp", "aggregates", "aggregates", aggregates);
	if (is_said(&c->bgp.next_hop.ipv4) || is_said(&c->bgp.next_hop.ipv6))
		return fail(c, e, "bgp", "nextHop", "nextHop", next_hop);
	return 0;
}

static int check_exec(const struct config *c, struct err *e)
{
	if (check_no_bgp(c, "exec", e) < 0)
		return -EINVAL;
	if (c->exec.program[0] != '/')
		return fail(c, e, "exec", "program", "program",
			"must be the whole path of a program, from / on, with `announce: exec`");
	return 0;
}

static int check(const struct config *c, struct err *e)
{
	if (c->bgp.n_peers && !c->bgp.as)
		return fail(
			c, e, "bgp", "as", "peers", "missing; bgp.peers needs our own AS number");
	if (c->announce == CONFIG_ANNOUNCE_L2 && check_no_bgp(c, "l2", e) < 0)
		return -EINVAL;
	if (c->announce == CONFIG_ANNOUNCE_EXEC && check_exec(c, e) < 0)
		return -EINVAL;
	if (!is_pair(&c->node.pod_address, &c->node.pod_address6))
		return fail(c, e, "node", "podAddress6", "podAddress6",
			"must be of the other family than node.podAddress");
	if (!is_pair(&c->node.node_address, &c->node.node_address6))
		return fail(c, e, "node", "nodeAddress6", "nodeAddress6",
			"must be of the other family than node.nodeAddress");
	if (c->keepalived.shutdown_timeout <= c->node.drain)
		return fail(c, e, "keepalived", "shutdownTimeout", "shutdownTimeout",
			"must be longer than node.drain");
	return 0;
}

int config_check(struct config *c, struct err *e)
{
	int r = check(c, e);

	c->text = text_free(c->text);
	return r;
}

bool config_peer_takes(const struct config_peer *p, int family)
{
	return family == AF_INET ? p->ipv4 : p->ipv6;
}

/* Peers that say no AS number are in ours. */
static void settle_peers(struct config *c)
{
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		if (c->bgp.peers[i].as_is_ours)
			c->bgp.peers[i].as = c->bgp.as;
}

static int load_file(struct config *c, const char *path, struct err *e)
{
	struct config_text *t = xnew0(struct config_text);
	struct loader l = {.config = c, .path = path, .e = e};
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_DOCUMENT_BYTES, e);

	c->text = t;
	t->path = xstrdup(path);
	if (r == 0)
		r = yaml_parse_located(&t->root, &t->marks, path, text, len, e);
	l.root = t->root;
	l.marks = t->marks;
	return r < 0 ? r : loader_object(&l, (struct loader_place){"", {1, 1}}, "", c, t->root);
}

int config_load(struct config **ret, const char *path, struct err *e)
{
	CLEANUP(config_freep) struct config *c = xnew0(struct config);
	int r = 0;

	schema_init(c, "");
	if (path)
		r = load_file(c, path, e);
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
	text_free(c->text);
	lists_done(c);
	free(c->note);
	schema_done(c, "");
	free(c);
	return NULL;
}
