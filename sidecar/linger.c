/* SPDX-License-Identifier: Apache-2.0 */
#include "linger.h"

void linger_done(struct linger_set *l)
{
	free(l->items);
	*l = (struct linger_set){0};
}

static size_t position(const struct linger_set *l, const struct ipnet *net)
{
	size_t i = 0;

	while (i < l->n_items && ipnet_cmp(&l->items[i].net, net) != 0)
		i++;
	return i;
}

static void drop_at(struct linger_set *l, size_t i)
{
	l->items[i] = l->items[--l->n_items];
}

void linger_drop(struct linger_set *l, const struct ipnet *net)
{
	size_t i = position(l, net);

	if (i < l->n_items)
		drop_at(l, i);
}

static void keep_until(struct linger_set *l, const struct ipnet *net, uint64_t until)
{
	if (position(l, net) < l->n_items)
		return;
	l->items = xreallocarray(l->items, l->n_items + 1, sizeof *l->items);
	l->items[l->n_items++] = (struct lingering){*net, until};
}

void linger_update(struct linger_set *l, const struct prefixes *before,
	const struct prefixes *wanted, uint64_t now, uint64_t keep)
{
	for (size_t i = 0; i < before->n_items; i++)
		if (!prefixes_has(wanted, &before->items[i]))
			keep_until(l, &before->items[i], now + keep);
	for (size_t i = l->n_items; i > 0; i--) {
		const struct lingering *it = &l->items[i - 1];

		if (it->until <= now || prefixes_has(wanted, &it->net))
			drop_at(l, i - 1);
	}
}
