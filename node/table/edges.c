/* SPDX-License-Identifier: Apache-2.0 */
#include "table/edges.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

/* The address behind the last one of a prefix; false: there is none. */
static bool behind(struct ipaddr *ret, const struct ipnet *net)
{
	struct ipaddr a = net->addr;

	for (unsigned bit = net->len; bit-- > 0;) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		a.bytes[bit / 8] ^= mask;
		if (a.bytes[bit / 8] & mask) {
			*ret = a;
			return true;
		}
	}
	return false;
}

void edges_add(struct edges *e, const struct edge *one)
{
	if ((e->n_items & (e->n_items - 1)) == 0)
		e->items =
			xreallocarray(e->items, e->n_items ? 2 * e->n_items : 1, sizeof *e->items);
	e->items[e->n_items++] = *one;
}

struct edges edges_of(const struct ipnet nets[], size_t n)
{
	struct edges e = {0};
	struct edge end = {.ends = true};

	for (size_t i = 0; i < n; i++) {
		edges_add(&e, &(struct edge){.addr = nets[i].addr});
		if (behind(&end.addr, &nets[i]))
			edges_add(&e, &end);
	}
	return e;
}

void edges_done(struct edges *e)
{
	free(e->items);
	*e = (struct edges){0};
}

/* Of two at one address the beginning comes last, and counts. */
static int cmp_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;
	int order = ipaddr_cmp(&a->addr, &b->addr);

	return order ? order : (int)b->ends - (int)a->ends;
}

void edges_settle(struct edges *e)
{
	bool open = false;
	size_t n = 0;

	if (e->n_items > 0)
		qsort(e->items, e->n_items, sizeof *e->items, cmp_edges);
	for (size_t i = 0; i < e->n_items; i++) {
		const struct edge *one = &e->items[i];

		if (i + 1 < e->n_items && ipaddr_equal(&one->addr, &e->items[i + 1].addr))
			continue;
		if (open == one->ends)
			e->items[n++] = *one;
		open = !one->ends;
	}
	e->n_items = n;
}

bool edges_equal(const struct edges *a, const struct edges *b)
{
	bool equal = a->n_items == b->n_items;

	for (size_t i = 0; equal && i < a->n_items; i++)
		equal = cmp_edges(&a->items[i], &b->items[i]) == 0;
	return equal;
}
