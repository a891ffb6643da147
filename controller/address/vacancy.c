/* SPDX-License-Identifier: Apache-2.0 */
#include "address/vacancy.h"

#include <stdlib.h>
#include <string.h>

struct cursor {
	struct ipaddr next; /* what is below it is in use */
	bool at_end;        /* all of it is */
};

struct vacancy {
	const struct pools *pools;
	const struct holders *holders;
	struct cursor **cursors; /* of each pool, one for each of its ranges */
};

struct vacancy *vacancy_new(const struct pools *pools, const struct holders *holders)
{
	struct vacancy *v = xnew0(struct vacancy);

	v->pools = pools;
	v->holders = holders;
	v->cursors = xcalloc(pools->n_items, sizeof *v->cursors);
	for (size_t i = 0; i < pools->n_items; i++) {
		size_t n = pools->items[i].config->n_ranges;

		v->cursors[i] = xcalloc(n, sizeof **v->cursors);
		for (size_t k = 0; k < n; k++)
			v->cursors[i][k].next = pools->items[i].ranges[k].first;
	}
	return v;
}

struct vacancy *vacancy_free(struct vacancy *v)
{
	if (!v)
		return NULL;
	for (size_t i = 0; i < v->pools->n_items; i++)
		free(v->cursors[i]);
	free(v->cursors);
	free(v);
	return NULL;
}

static bool advance(struct vacancy *v, struct cursor *c, const struct pool *pool,
	const struct config_range *range)
{
	while (!c->at_end) {
		if (!pool_avoids(pool, &c->next) && holders_is_free(v->holders, &c->next))
			return true;
		c->at_end = ipaddr_equal(&c->next, &range->last) || !ipaddr_step(&c->next);
	}
	return false;
}

static bool find_in(struct ipaddr *ret, struct vacancy *v, size_t index, int family)
{
	const struct pool *pool = &v->pools->items[index];

	for (size_t k = 0; k < pool->config->n_ranges; k++) {
		const struct config_range *range = &pool->ranges[k];
		struct cursor *c = &v->cursors[index][k];

		if (range->first.family != family || !advance(v, c, pool, range))
			continue;
		*ret = c->next;
		return true;
	}
	return false;
}

bool vacancy_find(struct ipaddr *ret, struct vacancy *v, const struct vacancy_search *s, int family)
{
	for (size_t i = 0; i < v->pools->n_items; i++) {
		const struct pool *pool = &v->pools->items[i];

		if (pool_has_family(pool, family) && pool_fits(pool, s->wish, s->ns) &&
			s->may_have(s->ud, pool) && find_in(ret, v, i, family))
			return true;
	}
	return false;
}

void vacancy_released(struct vacancy *v, const struct ipaddr *addr)
{
	const struct pool *pool = pools_of(v->pools, addr);

	for (size_t k = 0; pool && k < pool->config->n_ranges; k++) {
		struct cursor *c = &v->cursors[pool - v->pools->items][k];

		if (ipaddr_cmp(addr, &pool->ranges[k].first) < 0 ||
			ipaddr_cmp(&pool->ranges[k].last, addr) < 0)
			continue;
		if (c->at_end || ipaddr_cmp(addr, &c->next) < 0)
			*c = (struct cursor){.next = *addr};
	}
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* As a number, if the bits before it are the same in both ends of a range. */
static uint64_t low_bits(const struct ipaddr *a)
{
	uint64_t bits = 0;
	size_t n = ipaddr_bits(a) / 8;

	for (size_t i = n > 8 ? 8 : 0; i < n; i++)
		bits = bits << 8 | a->bytes[i];
	return bits;
}

/* How many numbers up to `n` end in `end`, with 256 before each next one. */
static uint64_t count_endings(uint64_t n, uint64_t end)
{
	return n < end ? 0 : (n - end) / 256 + 1;
}

static uint64_t range_size(const struct config_range *r, bool avoids)
{
	uint64_t first = low_bits(&r->first), last = low_bits(&r->last), size;

	if (r->first.family == AF_INET6 && memcmp(r->first.bytes, r->last.bytes, 8) != 0)
		return UINT64_MAX;
	size = add_saturating(last - first, 1);
	if (!avoids || r->first.family == AF_INET6)
		return size;
	for (uint64_t end = 0; end <= 255; end += 255)
		size -= count_endings(last, end) - (first ? count_endings(first - 1, end) : 0);
	return size;
}

uint64_t vacancy_size(const struct pools *p, const struct wish *w, const char *ns, int family)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		const struct pool *pool = &p->items[i];

		for (size_t k = 0; pool_fits(pool, w, ns) && k < pool->config->n_ranges; k++)
			if (pool->ranges[k].first.family == family)
				n = add_saturating(n, range_size(&pool->ranges[k],
							      pool->config->avoid_buggy_ips));
	}
	return n;
}
