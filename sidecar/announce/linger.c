/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/linger.h"

#include <string.h>

#include "base/sorted.h"

void linger_done(struct linger_set *l)
{
	free(l->items);
	*l = (struct linger_set){0};
}

static int cmp_net(const void *net, const void *item)
{
	const struct lingering *one = item;

	return ipnet_cmp(net, &one->net);
}

/* Where `net` is, or belongs. */
static size_t position(const struct linger_set *l, const struct ipnet *net)
{
	return sorted_place(net, l->items, l->n_items, sizeof *l->items, cmp_net);
}

static bool is_at(const struct linger_set *l, size_t at, const struct ipnet *net)
{
	return at < l->n_items && ipnet_cmp(&l->items[at].net, net) == 0;
}

void linger_drop(struct linger_set *l, const struct ipnet *net)
{
	size_t at = position(l, net);

	if (!is_at(l, at, net))
		return;
	l->n_items--;
	memmove(&l->items[at], &l->items[at + 1], (l->n_items - at) * sizeof *l->items);
}

static void keep_until(struct linger_set *l, const struct ipnet *net, uint64_t until)
{
	size_t at = position(l, net);

	if (is_at(l, at, net))
		return;
	l->items = xreallocarray(l->items, l->n_items + 1, sizeof *l->items);
	memmove(&l->items[at + 1], &l->items[at], (l->n_items - at) * sizeof *l->items);
	l->items[at] = (struct lingering){*net, until};
	l->n_items++;
}

void linger_update(struct linger_set *l, const struct prefixes *before,
	const struct prefixes *wanted, uint64_t now, uint64_t keep)
{
	CLEANUP_PREFIXES struct prefixes lost = prefixes_minus(before, wanted, SIZE_MAX);
	size_t kept = 0;

	for (size_t i = 0; i < lost.n_items; i++)
		keep_until(l, &lost.items[i], now + keep);
	for (size_t i = 0; i < l->n_items; i++) {
		const struct lingering *it = &l->items[i];

		if (it->until > now && !prefixes_has(wanted, &it->net))
			l->items[kept++] = *it;
	}
	l->n_items = kept;
}
