/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* What is between two unicast addresses and is none, by the first address of each block. */
static const char *const gaps[] = {"127.0.0.0", "169.254.0.0", "::ffff:0.0.0.0", "fe80::"};

bool config_ranges_overlap(const struct config_range *a, const struct config_range *b)
{
	return ipaddr_cmp(&a->first, &b->last) <= 0 && ipaddr_cmp(&b->first, &a->last) <= 0;
}

static bool has_gap(const struct config_range *r)
{
	for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
		struct ipaddr gap = {.family = strchr(gaps[i], ':') ? AF_INET6 : AF_INET};

		inet_pton(gap.family, gaps[i], gap.bytes); /* one of them is IPv4-mapped */
		if (ipaddr_cmp(&r->first, &gap) <= 0 && ipaddr_cmp(&gap, &r->last) <= 0)
			return true;
	}
	return false;
}

static struct config_range range_of(const struct ipnet *n)
{
	struct config_range r = {n->addr, n->addr};

	for (unsigned bit = n->len; bit < ipaddr_bits(&n->addr); bit++)
		r.last.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return r;
}

/* `dash` is in `text`. */
static int parse_pair(struct config_range *ret, const char *text, const char *dash, struct err *e)
{
	CLEANUP_FREE char *first = xstrdup(text);
	size_t len = (size_t)(dash - text);

	/* As MetalLB has them, there may be blanks around it. */
	while (len > 0 && text[len - 1] == ' ')
		len--;
	first[len] = '\0';
	dash += 1 + strspn(dash + 1, " ");
	if (ipaddr_parse(&ret->first, first, e) < 0 || ipaddr_parse(&ret->last, dash, e) < 0)
		return -EINVAL;
	if (ret->first.family != ret->last.family)
		return err_set(e, EINVAL, "the first and the last address are of two families");
	if (ipaddr_cmp(&ret->first, &ret->last) > 0)
		return err_set(e, EINVAL, "the first address is after the last");
	return 0;
}

static int parse_range(struct config_range *ret, const char *text, struct err *e)
{
	const char *dash = strchr(text, '-');
	struct ipnet net;
	int r;

	if (dash)
		return parse_pair(ret, text, dash, e);
	r = strchr(text, '/') ? ipnet_parse_masked(&net, text, e) : ipnet_parse(&net, text, e);
	if (r < 0)
		return r;
	*ret = range_of(&net);
	return 0;
}

int config_range_parse(struct config_range *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	struct config_range range;

	if (parse_range(&range, text, e) < 0)
		return err_wrap(
			e, "%s is neither ADDRESS/LENGTH nor FIRST-LAST", str_quote(quoted, text));
	if (!ipaddr_is_unicast(&range.first) || !ipaddr_is_unicast(&range.last) || has_gap(&range))
		return err_set(e, EINVAL, "%s has addresses that are not unicast",
			str_quote(quoted, text));
	*ret = range;
	return 0;
}

const char *config_range_format(
	char ret_buf[static CONFIG_RANGE_TEXT], const struct config_range *r)
{
	char first[IPADDR_TEXT], last[IPADDR_TEXT];

	if (ipaddr_equal(&r->first, &r->last))
		ipaddr_format(ret_buf, &r->first);
	else
		snprintf(ret_buf, CONFIG_RANGE_TEXT, "%s-%s", ipaddr_format(first, &r->first),
			ipaddr_format(last, &r->last));
	return ret_buf;
}

const struct config_pool *config_pool_of(
	const struct config_pool pools[], size_t n_pools, const struct ipaddr *addr)
{
	for (size_t i = 0; i < n_pools; i++)
		for (size_t k = 0; k < pools[i].n_ranges; k++)
			if (ipaddr_cmp(&pools[i].ranges[k].first, addr) <= 0 &&
				ipaddr_cmp(addr, &pools[i].ranges[k].last) <= 0)
				return &pools[i];
	return NULL;
}

bool config_pool_allows(const struct config_pool *p, const char *ns)
{
	for (size_t i = 0; i < p->n_namespaces; i++)
		if (strcmp(p->namespaces[i], ns) == 0)
			return true;
	return p->n_namespaces == 0;
}

void config_pool_done(struct config_pool *p)
{
	for (size_t i = 0; i < p->n_namespaces; i++)
		free(p->namespaces[i]);
	free(p->namespaces);
	free(p->ranges);
	free(p->name);
	*p = (struct config_pool){0};
}

double config_pool_size(const struct config_pool *p)
{
	double size = 0;

	for (size_t i = 0; i < p->n_ranges; i++) {
		const struct config_range *r = &p->ranges[i];
		double above = 0; /* `last` above `first`: what they have in common adds nothing */

		for (size_t k = 0; k < ipaddr_bits(&r->first) / 8; k++)
			above = above * 256 + r->last.bytes[k] - r->first.bytes[k];
		size += above + 1;
	}
	return size;
}
