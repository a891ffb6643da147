/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

/*
 * BGP communities as values: what is parsed here is printed by us and nobody else. As text
 *
 *	65000:100             standard (RFC 1997)
 *	no-export             a name that IANA has registered of those, such as graceful-shutdown
 *	65000:1:2             large (RFC 8092)
 *	target:65000:100      extended (RFC 4360, RFC 5668): a route target, and `origin:` a route
 *	                      origin, of an AS number or an IPv4 address
 */

enum community_kind { COMMUNITY_STANDARD, COMMUNITY_LARGE, COMMUNITY_EXTENDED, COMMUNITY_N_KINDS };

struct community {
	enum community_kind kind;
	/* Standard: its two halves. Large: its three parts. Extended: the first four bytes and the
	 * last four, in a and b. What is not used is 0. */
	uint32_t a, b, c;
};

/* Sorted by kind and value, no two alike. `{0}` is the empty set. */
struct communities {
	struct community items[LIMIT_COMMUNITIES];
	size_t n_items;
};

/* "4294967295:4294967295:4294967295", with its end. */
enum { COMMUNITY_TEXT = 36, COMMUNITIES_TEXT = LIMIT_COMMUNITIES * COMMUNITY_TEXT };

/*
 * A list with blanks or commas between its items, at least one. Errors: -EINVAL with what would be
 * right.
 */
int communities_parse(struct communities *ret, const char *text, struct err *e);

/* As communities_parse takes it, names for what has one, and blanks between; returns ret_buf. */
const char *communities_format(
	char ret_buf[static COMMUNITIES_TEXT], const struct communities *all);

/* One of them, in numbers alone: an extended one as 0x and its 16 digits. Returns ret_buf. */
const char *community_number(char ret_buf[static COMMUNITY_TEXT], const struct community *c);

bool communities_equal(const struct communities *a, const struct communities *b);
