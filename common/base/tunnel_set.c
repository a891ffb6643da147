/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tunnel_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

int tunnel_set_parse(struct tunnel_set *ret, const char *text, size_t max, struct err *e)
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
	*ret = (struct tunnel_set){nodes, steal(kinds)};
	return 0;
}

void tunnel_set_done(struct tunnel_set *s)
{
	name_set_done(&s->nodes);
	free(s->kinds);
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

unsigned tunnel_set_kinds(const struct tunnel_set *s, const char *node)
{
	const unsigned *kinds = kinds_of(s, node);

	return kinds ? *kinds : 0;
}

size_t tunnel_set_trim(struct tunnel_set *s, size_t max)
{
	size_t len = 0, n = 0, left_out;

	for (; n < s->nodes.n_items; n++) {
		len += word_len(s, n) + (n > 0);
		if (len > max)
			break;
	}
	left_out = s->nodes.n_items - n;
	s->nodes.n_items = n;
	return left_out;
}
