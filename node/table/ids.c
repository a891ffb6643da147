/* SPDX-License-Identifier: Apache-2.0 */
#include "table/ids.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sorted.h"

static int cmp_addr(const void *key, const void *item)
{
	return ipaddr_cmp(key, &((const struct id *)item)->addr);
}

uint16_t ids_find(const struct ids *ids, const struct ipaddr *addr)
{
	size_t i = sorted_place(addr, ids->items, ids->n_items, sizeof *ids->items, cmp_addr);

	return i < ids->n_items && ipaddr_equal(&ids->items[i].addr, addr) ? ids->items[i].id : 0;
}

/* The last 14 bits, which differ in the pods of a node as a rule. */
static uint16_t preferred(const struct ipaddr *addr)
{
	const uint8_t *end = addr->bytes + ipaddr_bits(addr) / 8;

	return (uint16_t)((end[-2] << 8 | end[-1]) & IDS_MAX);
}

static uint16_t take(bool taken[static IDS_MAX + 1], uint16_t wanted)
{
	uint16_t id = wanted;

	while (id == 0 || taken[id])
		id = id == IDS_MAX ? 1 : (uint16_t)(id + 1);
	taken[id] = true;
	return id;
}

int ids_next(struct ids *ret, const struct ids *before, const struct ipaddr addrs[], size_t n,
	struct err *e)
{
	bool taken[IDS_MAX + 1] = {false};
	struct ids ids = {0};

	if (n > IDS_MAX)
		return err_set(e, EFBIG, "%zu pods on this node; there are %d numbers for them", n,
			IDS_MAX);
	ids.items = xcalloc(n, sizeof *ids.items);
	ids.n_items = n;
	for (size_t i = 0; i < n; i++) {
		uint16_t id = ids_find(before, &addrs[i]);

		/* What others did to the kernel's table may be anything. */
		ids.items[i] = (struct id){addrs[i], id <= IDS_MAX && !taken[id] ? id : 0};
		taken[id <= IDS_MAX ? id : 0] = true;
	}
	for (size_t i = 0; i < n; i++)
		if (ids.items[i].id == 0)
			ids.items[i].id = take(taken, preferred(&addrs[i]));
	*ret = ids;
	return 0;
}

void ids_done(struct ids *ids)
{
	free(ids->items);
	*ids = (struct ids){0};
}
