/* SPDX-License-Identifier: Apache-2.0 */
#include "values/tunnel_set.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const names[TUNNEL_KINDS] = {"ipip", "ip6ip6", "gue", "gue6"};

unsigned tunnel_kind(enum encapsulation c, int family)
{
	return 1U << (2 * (unsigned)c + (family == AF_INET6));
}

unsigned tunnel_kinds_parse(const char *text, char separator)
{
	const char limits[] = {separator, '\0'};
	unsigned kinds = 0;

	while (*text) {
		size_t len = strcspn(text, limits);

		for (unsigned i = 0; i < TUNNEL_KINDS; i++)
			if (len == strlen(names[i]) && memcmp(text, names[i], len) == 0)
				kinds |= 1U << i;
		text += len + (text[len] == separator);
	}
	return kinds;
}

const char *tunnel_kinds_format(
	char ret_buf[static TUNNEL_KINDS_TEXT], unsigned kinds, char separator)
{
	size_t len = 0;

	ret_buf[0] = '\0';
	for (unsigned i = 0; i < TUNNEL_KINDS; i++) {
		if (!(kinds & 1U << i))
			continue;
		if (len > 0)
			ret_buf[len++] = separator;
		len = (size_t)(stpcpy(ret_buf + len, names[i]) - ret_buf);
	}
	return ret_buf;
}

static unsigned *kinds_of(const struct tunnel_set *s, const char *node)
{
	size_t at;

	return name_set_find(&at, &s->nodes, node) ? &s->kinds[at] : NULL;
}

static void build_own(struct prefix_set *ret, const struct tunnel_node nodes[], size_t n)
{
	CLEANUP_FREE struct ipnet *nets = NULL;
	size_t n_nets = 0;

	for (size_t i = 0; i < n; i++)
		n_nets += nodes[i].n_own;
	nets = xcalloc(n_nets, sizeof *nets);
	n_nets = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; nodes[i].kinds && k < nodes[i].n_own; k++)
			nets[n_nets++] =
				(struct ipnet){nodes[i].own[k], ipaddr_bits(&nodes[i].own[k])};
	prefix_set_build(ret, nets, n_nets);
}

void tunnel_set_build(struct tunnel_set *ret, const struct tunnel_node nodes[], size_t n)
{
	CLEANUP_FREE const char **all = xcalloc(n, sizeof(const char *));
	struct tunnel_set s = {0};
	size_t n_all = 0;

	for (size_t i = 0; i < n; i++)
		if (nodes[i].kinds)
			all[n_all++] = nodes[i].name;
	name_set_build(&s.nodes, all, n_all);
	s.kinds = xcalloc(s.nodes.n_items, sizeof *s.kinds);
	for (size_t i = 0; i < n; i++)
		if (nodes[i].kinds)
			*kinds_of(&s, nodes[i].name) |= nodes[i].kinds;
	build_own(&s.own, nodes, n);
	*ret = s;
}

/* Cuts "NAME=KINDS" after the name. 0: what follows is no list of kinds. */
static unsigned cut(char *word)
{
	char *sign = strchr(word, '='), again[TUNNEL_KINDS_TEXT];
	unsigned kinds;

	if (!sign)
		return TUNNEL_ALL;
	*sign = '\0';
	kinds = tunnel_kinds_parse(sign + 1, ',');
	tunnel_kinds_format(again, kinds, ',');
	return kinds != TUNNEL_ALL && strcmp(again, sign + 1) == 0 ? kinds : 0;
}

static int parse_nodes(struct tunnel_set *ret, const char *text, size_t max, struct err *e)
{
	CLEANUP_FREE char *copy = xstrdup(text), *plain = xcalloc(1, strlen(text) + 1);
	CLEANUP_FREE unsigned *kinds = xcalloc(strlen(text) / 2 + 1, sizeof *kinds);
	char *rest = copy, *word, *end = plain;
	struct name_set nodes;
	size_t n = 0;
	int r;

	if (strlen(text) > max)
		return err_set(e, EINVAL, "longer than %zu bytes", max);
	while (*text && (word = strsep(&rest, " "))) {
		kinds[n] = cut(word);
		if (!*word || !kinds[n])
			return err_set(e, EINVAL, "is no list of nodes and kinds of tunnels");
		if (n++ > 0)
			*end++ = ' ';
		end = stpcpy(end, word);
	}
	r = name_set_parse(&nodes, plain, max, e);
	if (r < 0)
		return r;
	*ret = (struct tunnel_set){.nodes = nodes, .kinds = steal(kinds)};
	return 0;
}

/* All of them: nobody of us leaves any out. */
static int parse_own(struct prefix_set *ret, const char *text, size_t max, struct err *e)
{
	struct prefix_set own;
	int r = prefix_set_parse(&own, text, max, e);

	if (r < 0)
		return r;
	if (own.more) {
		prefix_set_done(&own);
		return err_set(e, EINVAL, "does not have all addresses of the nodes");
	}
	*ret = own;
	return 0;
}

int tunnel_set_parse(
	struct tunnel_set *ret, const char *text, const char *own, size_t max, struct err *e)
{
	struct tunnel_set s;
	int r = parse_nodes(&s, text, max, e);

	if (r < 0)
		return r;
	r = parse_own(&s.own, own, max, e);
	if (r < 0) {
		tunnel_set_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void tunnel_set_done(struct tunnel_set *s)
{
	name_set_done(&s->nodes);
	free(s->kinds);
	prefix_set_done(&s->own);
	*s = (struct tunnel_set){0};
}

/* "NAME" or "NAME=KIND,KIND". */
static size_t word_len(const struct tunnel_set *s, size_t i)
{
	char kinds[TUNNEL_KINDS_TEXT];
	size_t len = strlen(s->nodes.items[i]);

	if (s->kinds[i] != TUNNEL_ALL)
		len += 1 + strlen(tunnel_kinds_format(kinds, s->kinds[i], ','));
	return len;
}

char *tunnel_set_format(const struct tunnel_set *s)
{
	char *text, *end, kinds[TUNNEL_KINDS_TEXT];
	size_t len = 1;

	for (size_t i = 0; i < s->nodes.n_items; i++)
		len += word_len(s, i) + 1;
	text = end = xcalloc(1, len);
	for (size_t i = 0; i < s->nodes.n_items; i++) {
		if (i > 0)
			*end++ = ' ';
		end = stpcpy(end, s->nodes.items[i]);
		if (s->kinds[i] == TUNNEL_ALL)
			continue;
		*end++ = '=';
		end = stpcpy(end, tunnel_kinds_format(kinds, s->kinds[i], ','));
	}
	return text;
}

char *tunnel_set_format_own(const struct tunnel_set *s)
{
	return prefix_set_format(&s->own, SIZE_MAX / 2);
}

bool tunnel_set_is(const struct tunnel_set *s, const char *text, const char *own)
{
	CLEANUP_FREE char *is = tunnel_set_format(s), *is_own = tunnel_set_format_own(s);

	return strcmp(is, text) == 0 && strcmp(is_own, own) == 0;
}

unsigned tunnel_set_kinds(const struct tunnel_set *s, const char *node)
{
	const unsigned *kinds = kinds_of(s, node);

	return kinds ? *kinds : 0;
}

bool tunnel_set_is_own(const struct tunnel_set *s, const struct ipaddr *addr)
{
	return prefix_set_contains(&s->own, addr);
}

static bool fits(const struct tunnel_set *s, size_t max)
{
	CLEANUP_FREE char *text = tunnel_set_format(s), *own = tunnel_set_format_own(s);

	return strlen(text) + strlen(own) <= max;
}

static int by_name(const void *pa, const void *pb)
{
	const struct tunnel_node *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

/* How many do, of more than do. */
static size_t count_fitting(const struct tunnel_node nodes[], size_t n, size_t max)
{
	size_t most = 0;

	while (n - most > 1) {
		CLEANUP(tunnel_set_done) struct tunnel_set some = {0};
		size_t half = most + (n - most) / 2;

		tunnel_set_build(&some, nodes, half);
		*(fits(&some, max) ? &most : &n) = half;
	}
	return most;
}

size_t tunnel_set_fit(struct tunnel_set *ret, struct tunnel_node nodes[], size_t n, size_t max)
{
	size_t fitting = n;

	if (n > 1)
		qsort(nodes, n, sizeof *nodes, by_name);
	tunnel_set_build(ret, nodes, n);
	if (!fits(ret, max)) {
		tunnel_set_done(ret);
		fitting = count_fitting(nodes, n, max);
		tunnel_set_build(ret, nodes, fitting);
	}
	return n - fitting;
}
