/* SPDX-License-Identifier: Apache-2.0 */
#include "values/prefix_set.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sorted.h"
#include "base/str.h"

enum { RANGE_TEXT = 2 * IPADDR_TEXT };

static const char others[] = "...";

/* The last address of a prefix. */
static struct ipaddr last_of(const struct ipnet *net)
{
	struct ipaddr a = net->addr;

	for (unsigned bit = net->len; bit < ipaddr_bits(&a); bit++)
		a.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return a;
}

/* Is `b`, which does not start before `a`, one piece with it? */
static bool touches(const struct prefix_range *a, const struct prefix_range *b)
{
	struct ipaddr next = a->last;

	if (a->last.family != b->first.family)
		return false;
	return !ipaddr_step(&next) || ipaddr_cmp(&b->first, &next) <= 0;
}

static int by_first(const void *a, const void *b)
{
	const struct prefix_range *left = a, *right = b;

	return ipaddr_cmp(&left->first, &right->first);
}

static void merge(struct prefix_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_ranges; i++) {
		struct prefix_range *before = n > 0 ? &s->ranges[n - 1] : NULL;

		if (!before || !touches(before, &s->ranges[i]))
			s->ranges[n++] = s->ranges[i];
		else if (ipaddr_cmp(&before->last, &s->ranges[i].last) < 0)
			before->last = s->ranges[i].last;
	}
	s->n_ranges = n;
}

void prefix_set_build(struct prefix_set *ret, const struct ipnet nets[], size_t n_nets)
{
	struct prefix_set s = {.ranges = xcalloc(n_nets, sizeof *s.ranges)};

	for (size_t i = 0; i < n_nets; i++) {
		struct prefix_range range = {nets[i].addr, last_of(&nets[i])};

		if (range.last.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&range.last.v6))
			continue;
		s.ranges[s.n_ranges++] = range;
	}
	if (s.n_ranges > 1)
		qsort(s.ranges, s.n_ranges, sizeof *s.ranges, by_first);
	merge(&s);
	*ret = s;
}

/* Only the canonical text of an address: a set has one text. */
static int parse_address(struct ipaddr *ret, const char *text, struct err *e)
{
	char canonical[IPADDR_TEXT], quoted[STR_QUOTED_SIZE];
	int r = ipaddr_parse(ret, text, e);

	if (r == 0 && strcmp(ipaddr_format(canonical, ret), text) != 0)
		return err_set(
			e, EINVAL, "%s must be written %s", str_quote(quoted, text), canonical);
	return r;
}

static int parse_range(struct prefix_range *ret, char *text, struct err *e)
{
	char *dash = strchr(text, '-');
	int r;

	if (dash)
		*dash = '\0';
	r = parse_address(&ret->first, text, e);
	if (r == 0 && dash)
		r = parse_address(&ret->last, dash + 1, e);
	if (r < 0)
		return r;
	if (!dash)
		ret->last = ret->first;
	else if (ret->first.family != ret->last.family || ipaddr_cmp(&ret->first, &ret->last) >= 0)
		return err_set(e, EINVAL, "a range from %s to %s", text, dash + 1);
	return 0;
}

/* `text` has `len` bytes and may be the next range. */
static int add_range(struct prefix_set *s, const char *text, size_t len, struct err *e)
{
	const struct prefix_range *before = s->n_ranges > 0 ? &s->ranges[s->n_ranges - 1] : NULL;
	char copy[RANGE_TEXT] = {0}, quoted[STR_QUOTED_SIZE];
	struct prefix_range range;
	int r;

	if (len >= sizeof copy)
		return err_set(e, EINVAL, "%s is no range of addresses", str_quote(quoted, text));
	memcpy(copy, text, len);
	r = parse_range(&range, copy, e);
	if (r < 0)
		return r;
	if (before && (ipaddr_cmp(&range.first, &before->last) <= 0 || touches(before, &range)))
		return err_set(e, EINVAL,
			"the range that starts with %s is not apart from the "
			"one before it",
			copy);
	s->ranges[s->n_ranges++] = range;
	return 0;
}

static int add_ranges(struct prefix_set *s, const char *text, struct err *e)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		int r = 0;

		if (strcmp(text, others) == 0)
			s->more = true;
		else
			r = add_range(s, text, len, e);
		if (r < 0 || s->more || text[len] == '\0')
			return r;
		text += len + 1;
	}
}

int prefix_set_parse(struct prefix_set *ret, const char *text, size_t max, struct err *e)
{
	struct prefix_set s = {0};
	size_t len = strlen(text), n = 1;
	int r = 0;

	if (len > max)
		return err_set(e, EINVAL, "more than %zu bytes of addresses", max);
	for (const char *at = text; *at; at++)
		n += *at == ',';
	s.ranges = xcalloc(n, sizeof *s.ranges);
	if (len > 0)
		r = add_ranges(&s, text, e);
	if (r < 0) {
		prefix_set_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Returns the length. */
static size_t format_range(char buf[static RANGE_TEXT], const struct prefix_range *range)
{
	char last[IPADDR_TEXT];
	size_t len;

	ipaddr_format(buf, &range->first);
	len = strlen(buf);
	if (ipaddr_equal(&range->first, &range->last))
		return len;
	return len + (size_t)snprintf(
			     buf + len, RANGE_TEXT - len, "-%s", ipaddr_format(last, &range->last));
}

char *prefix_set_format(const struct prefix_set *s, size_t max)
{
	size_t room = s->n_ranges * RANGE_TEXT + sizeof others + 1, len = 0, i = 0;
	char *text;

	if (room > max + 1)
		room = max + 1;
	text = xcalloc(room, 1);
	for (; i < s->n_ranges; i++) {
		char range[RANGE_TEXT];
		size_t n = format_range(range, &s->ranges[i]);
		/* The last one needs no room for ",..." behind it. */
		bool last = i + 1 == s->n_ranges && !s->more;

		if (len + 1 + n + (last ? 0 : sizeof others) > max)
			break;
		if (len > 0)
			text[len++] = ',';
		memcpy(text + len, range, n);
		len += n;
	}
	if (i < s->n_ranges || s->more)
		snprintf(text + len, room - len, "%s%s", len > 0 ? "," : "", others);
	return text;
}

static int cmp_last(const void *addr, const void *item)
{
	const struct prefix_range *range = item;

	return ipaddr_cmp(addr, &range->last);
}

bool prefix_set_contains(const struct prefix_set *s, const struct ipaddr *a)
{
	size_t i = sorted_place(a, s->ranges, s->n_ranges, sizeof *s->ranges, cmp_last);

	return i < s->n_ranges ? ipaddr_cmp(&s->ranges[i].first, a) <= 0 : s->more;
}

void prefix_set_done(struct prefix_set *s)
{
	free(s->ranges);
	*s = (struct prefix_set){0};
}
