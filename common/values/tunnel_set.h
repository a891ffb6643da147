/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "values/forward.h"
#include "values/ipaddr.h"
#include "values/name_set.h"
#include "values/prefix_set.h"

/*
 * Nodes, and which kinds of tunnels each takes: an encapsulation, in IPv4 or IPv6. As text, sorted
 * and with a blank between two, a node that takes all kinds is its name, and another one
 * "NAME=KIND,KIND", with the names of tunnel_kinds_format. Beside it, in a text of prefix_set, are
 * the nodes' own addresses, as far as they are known: no tunnel of ours ends there, for those of
 * others may.
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
	unsigned *kinds;       /* of each */
	struct prefix_set own; /* addresses, of all of them */
};

struct tunnel_node {
	const char *name;
	unsigned kinds;
	const struct ipaddr *own; /* its addresses; borrowed */
	size_t n_own;
};

/* In any order; of one that comes twice all is put together. No kinds: it is left out. */
void tunnel_set_build(struct tunnel_set *ret, const struct tunnel_node nodes[], size_t n);

/*
 * The same, without the last nodes, by name, that do not fit: both texts have `max` bytes at most,
 * together. How many these are; `nodes` are sorted afterwards.
 */
size_t tunnel_set_fit(struct tunnel_set *ret, struct tunnel_node nodes[], size_t n, size_t max);

/*
 * Errors: -EINVAL for texts that tunnel_set_format and tunnel_set_format_own do not make, or for
 * one of more than `max` bytes.
 */
int tunnel_set_parse(
	struct tunnel_set *ret, const char *text, const char *own, size_t max, struct err *e);
void tunnel_set_done(struct tunnel_set *s);

/* In new memory; "" for none. */
char *tunnel_set_format(const struct tunnel_set *s) __attribute__((warn_unused_result));
char *tunnel_set_format_own(const struct tunnel_set *s) __attribute__((warn_unused_result));

/* Whether these are its texts. */
bool tunnel_set_is(const struct tunnel_set *s, const char *text, const char *own);

/* 0: it is none of them. */
unsigned tunnel_set_kinds(const struct tunnel_set *s, const char *node);

/* Whether it is an address of a node itself. */
bool tunnel_set_is_own(const struct tunnel_set *s, const struct ipaddr *addr);
