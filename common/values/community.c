/* SPDX-License-Identifier: Apache-2.0 */
#include "values/community.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "values/ipaddr.h"

enum { HALF = 0xFFFF, TARGET = 2, ORIGIN = 3, OF_AS2 = 0, OF_IPV4 = 1, OF_AS4 = 2 };

/* https://www.iana.org/assignments/bgp-well-known-communities; all are 65535:b. */
static const struct {
	const char *name;
	uint32_t b;
} names[] = {
	{"graceful-shutdown", 0},
	{"accept-own", 1},
	{"llgr-stale", 6},
	{"no-llgr", 7},
	{"blackhole", 666},
	{"no-export", 65281},
	{"no-advertise", 65282},
	{"no-export-subconfed", 65283},
	{"no-peer", 65284},
};
enum { N_NAMES = sizeof names / sizeof names[0] };

static int fail(const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	return err_set(e, EINVAL,
		"%s is no community: neither 65000:100 nor 65000:1:2 nor target:65000:100 nor "
		"origin:65000:100 nor a name such as no-export, no-advertise, graceful-shutdown",
		str_quote(quoted, text));
}

/* Numbers with ':' between them; how many there are, or 0 when there are others than that. */
static size_t split(uint64_t ret[3], char *text, uint64_t max)
{
	struct err unused = {0};
	size_t n = 0;

	for (char *item; (item = strsep(&text, ":"));)
		if (n == 3 || str_to_u64(&ret[n++], item, 0, max, &unused) < 0)
			return 0;
	return n;
}

static int parse_numbers(struct community *ret, const char *text, struct err *e)
{
	char copy[COMMUNITY_TEXT];
	uint64_t part[3] = {0};
	size_t n;

	if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
		return fail(text, e);
	n = split(part, copy, UINT32_MAX);
	if (n < 2 || (n == 2 && (part[0] > HALF || part[1] > HALF)))
		return fail(text, e);
	*ret = (struct community){n == 2 ? COMMUNITY_STANDARD : COMMUNITY_LARGE, (uint32_t)part[0],
		(uint32_t)part[1], (uint32_t)part[2]};
	return 0;
}

static struct community extended(uint32_t type, uint32_t subtype, uint64_t value)
{
	return (struct community){COMMUNITY_EXTENDED,
		type << 24 | subtype << 16 | (uint32_t)(value >> 32), (uint32_t)value, 0};
}

/* "65000:100" or "10.0.0.1:100", behind the name of its kind. */
static int parse_extended(
	struct community *ret, uint32_t subtype, const char *rest, const char *text, struct err *e)
{
	struct err unused = {0};
	char first[COMMUNITY_TEXT], *second;
	struct ipaddr addr;
	uint64_t a, b;

	if (snprintf(first, sizeof first, "%s", rest) >= (int)sizeof first ||
		!(second = strchr(first, ':')))
		return fail(text, e);
	*second++ = '\0';
	if (str_to_u64(&b, second, 0, UINT32_MAX, &unused) < 0)
		return fail(text, e);
	if (ipaddr_parse(&addr, first, &unused) == 0 && addr.family == AF_INET && b <= HALF)
		*ret = extended(OF_IPV4, subtype, (uint64_t)ntohl(addr.v4.s_addr) << 16 | b);
	else if (str_to_u64(&a, first, 0, UINT32_MAX, &unused) < 0 || (a > HALF && b > HALF))
		return fail(text, e);
	else
		*ret = a > HALF ? extended(OF_AS4, subtype, a << 16 | b)
				: extended(OF_AS2, subtype, a << 32 | b);
	return 0;
}

static int parse_one(struct community *ret, const char *text, struct err *e)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(text, names[i].name) == 0) {
			*ret = (struct community){COMMUNITY_STANDARD, HALF, names[i].b, 0};
			return 0;
		}
	if (str_has_prefix(text, "target:"))
		return parse_extended(ret, TARGET, text + strlen("target:"), text, e);
	if (str_has_prefix(text, "origin:"))
		return parse_extended(ret, ORIGIN, text + strlen("origin:"), text, e);
	return parse_numbers(ret, text, e);
}

static int compare(const struct community *x, const struct community *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return x->c == y->c ? 0 : x->c < y->c ? -1 : 1;
}

static int add(struct communities *all, const struct community *one, struct err *e)
{
	size_t i = 0;

	while (i < all->n_items && compare(&all->items[i], one) < 0)
		i++;
	if (i < all->n_items && compare(&all->items[i], one) == 0)
		return 0;
	if (all->n_items == LIMIT_COMMUNITIES)
		return err_set(e, EINVAL, "more than %d communities", LIMIT_COMMUNITIES);
	memmove(&all->items[i + 1], &all->items[i], (all->n_items - i) * sizeof *one);
	all->items[i] = *one;
	all->n_items++;
	return 0;
}

int communities_parse(struct communities *ret, const char *text, struct err *e)
{
	struct communities all = {0};
	struct community one;
	char item[LIMIT_ANNOTATION + 1];
	int r = 0;

	for (size_t len; r == 0 && *text; text += len) {
		text += strspn(text, " ,");
		len = strcspn(text, " ,");
		if (len >= sizeof item)
			return err_set(e, EINVAL, "longer than %d bytes", LIMIT_ANNOTATION);
		snprintf(item, sizeof item, "%.*s", (int)len, text);
		if (len > 0)
			r = parse_one(&one, item, e);
		if (r == 0 && len > 0)
			r = add(&all, &one, e);
	}
	if (r < 0)
		return r;
	if (all.n_items == 0)
		return err_set(e, EINVAL, "is empty; name at least one, such as 65000:100");
	*ret = all;
	return 0;
}

const char *community_number(char ret_buf[static COMMUNITY_TEXT], const struct community *c)
{
	if (c->kind == COMMUNITY_STANDARD)
		snprintf(ret_buf, COMMUNITY_TEXT, "%" PRIu32 ":%" PRIu32, c->a, c->b);
	else if (c->kind == COMMUNITY_LARGE)
		snprintf(ret_buf, COMMUNITY_TEXT, "%" PRIu32 ":%" PRIu32 ":%" PRIu32, c->a, c->b,
			c->c);
	else
		snprintf(ret_buf, COMMUNITY_TEXT, "0x%08" PRIx32 "%08" PRIx32, c->a, c->b);
	return ret_buf;
}

static void format_extended(char ret_buf[static COMMUNITY_TEXT], const struct community *c)
{
	const char *kind = (c->a >> 16 & 0xFF) == TARGET ? "target" : "origin";
	uint32_t type = c->a >> 24, upper = (c->a & HALF) << 16 | c->b >> 16;
	struct ipaddr addr = {.family = AF_INET, .v4.s_addr = htonl(upper)};
	char text[IPADDR_TEXT];

	if (type == OF_AS2)
		snprintf(ret_buf, COMMUNITY_TEXT, "%s:%" PRIu32 ":%" PRIu32, kind, c->a & HALF,
			c->b);
	else if (type == OF_AS4)
		snprintf(ret_buf, COMMUNITY_TEXT, "%s:%" PRIu32 ":%" PRIu32, kind, upper,
			c->b & HALF);
	else
		snprintf(ret_buf, COMMUNITY_TEXT, "%s:%.15s:%" PRIu32, kind,
			ipaddr_format(text, &addr), c->b & HALF);
}

static void format_one(char ret_buf[static COMMUNITY_TEXT], const struct community *c)
{
	if (c->kind == COMMUNITY_EXTENDED) {
		format_extended(ret_buf, c);
		return;
	}
	for (size_t i = 0; c->kind == COMMUNITY_STANDARD && c->a == HALF && i < N_NAMES; i++)
		if (c->b == names[i].b) {
			snprintf(ret_buf, COMMUNITY_TEXT, "%s", names[i].name);
			return;
		}
	community_number(ret_buf, c);
}

const char *communities_format(char ret_buf[static COMMUNITIES_TEXT], const struct communities *all)
{
	char one[COMMUNITY_TEXT];
	size_t at = 0;

	ret_buf[0] = '\0';
	for (size_t i = 0; i < all->n_items; i++) {
		format_one(one, &all->items[i]);
		at += (size_t)snprintf(
			ret_buf + at, COMMUNITIES_TEXT - at, "%s%s", i ? " " : "", one);
	}
	return ret_buf;
}

bool communities_equal(const struct communities *a, const struct communities *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (compare(&a->items[i], &b->items[i]) != 0)
			return false;
	return true;
}
