/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/forward.h"
#include "base/name_set.h"

/*
 * Nodes, and which kinds of tunnels each takes: an encapsulation, in IPv4 or IPv6. As text, sorted
 * and with a blank between two, a node that takes all kinds is its name, and another one
 * "NAME=KIND,KIND", with the names of tunnel_kinds_format.
 */

enum { TUNNEL_KINDS = 4, TUNNEL_ALL = (1 << TUNNEL_KINDS) - 1, TUNNEL_KINDS_TEXT = 32 };

/* One bit. */
unsigned tunnel_kind(enum encapsulation c, int family);

/*
 * "ipip", "ip6ip6", "gue", "gue6", with `separator` between two, in this order. Who reads them
 * passes over words that are none of these: a newer version may know more.
 */
unsigned tunnel_kinds_parse(const char *text, char separator);
const char *tunnel_kinds_format(
	char ret_buf[static TUNNEL_KINDS_TEXT], unsigned kinds, char separator);

struct tunnel_set {
	struct name_set nodes;
	unsigned *kinds; /* of each */
};

struct tunnel_node {
	const char *name;
	unsigned kinds;
};

/* In any order; of one that comes twice the kinds are put together. No kinds: it is left out. */
void tunnel_set_build(struct tunnel_set *ret, const struct tunnel_node nodes[], size_t n);

/* Errors: -EINVAL for a text that tunnel_set_format does not make, or more than `max` bytes. */
int tunnel_set_parse(struct tunnel_set *ret, const char *text, size_t max, struct err *e);
void tunnel_set_done(struct tunnel_set *s);

/* In new memory; "" for none. */
char *tunnel_set_format(const struct tunnel_set *s) __attribute__((warn_unused_result));

/* 0: it is none of them. */
unsigned tunnel_set_kinds(const struct tunnel_set *s, const char *node);

/* Takes away the last nodes until the text fits into so many bytes; how many these were. */
size_t tunnel_set_trim(struct tunnel_set *s, size_t max);
