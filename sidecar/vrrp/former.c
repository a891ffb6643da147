/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/former.h"

#include <string.h>

static bool has(const struct formers *f, const struct ipaddr *addr)
{
	for (size_t i = 0; i < f->n_items; i++)
		if (ipaddr_equal(&f->items[i].addr, addr))
			return true;
	return false;
}

/* Who left first goes when there are too many. */
static void add(struct formers *f, const struct ipaddr *addr, uint64_t at)
{
	if (f->n_items == LIMIT_FORMER_MEMBERS)
		memmove(f->items, f->items + 1, --f->n_items * sizeof *f->items);
	f->items[f->n_items++] = (struct former){*addr, at};
}

/* Those who are back are no former ones, nor those who left long ago or have another family. */
static void sweep(struct formers *f, const struct roster *now, uint64_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++) {
		const struct former *one = &f->items[i];

		if (one->addr.family == now->own.family && at - one->since < FORMER_MAX &&
			!ipaddr_equal(&one->addr, &now->own) &&
			!ipaddrs_have(now->peers, now->n_peers, &one->addr))
			f->items[n++] = *one;
	}
	f->n_items = n;
}

void formers_keep(struct formers *f, const struct roster *before, struct roster *now, uint64_t at)
{
	for (size_t i = 0; i < before->n_peers; i++)
		if (!ipaddrs_have(now->peers, now->n_peers, &before->peers[i]) &&
			!has(f, &before->peers[i]))
			add(f, &before->peers[i], at);
	sweep(f, now, at);
	for (size_t i = 0; i < f->n_items; i++)
		roster_add_peer(now, &f->items[i].addr);
}
