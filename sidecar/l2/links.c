/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/links.h"

#include <string.h>

#include "base/digest.h"
#include "base/sorted.h"
#include "base/str.h"

void links_done(struct links *l)
{
	free(l->items);
	free(l->networks);
	*l = (struct links){0};
}

static int cmp_index(const void *index, const void *item)
{
	const struct link *one = item;
	int wanted = *(const int *)index;

	return (wanted > one->index) - (wanted < one->index);
}

static size_t place_of(const struct links *l, int index)
{
	return sorted_place(&index, l->items, l->n_items, sizeof *l->items, cmp_index);
}

static bool is_at(const struct links *l, size_t i, int index)
{
	return i < l->n_items && l->items[i].index == index;
}

static bool link_equal(const struct link *a, const struct link *b)
{
	return a->index == b->index && strcmp(a->name, b->name) == 0 &&
	       mac_equal(&a->mac, &b->mac) && a->usable == b->usable;
}

bool links_put(struct links *l, const struct link *one)
{
	size_t i = place_of(l, one->index);

	if (is_at(l, i, one->index)) {
		if (link_equal(&l->items[i], one))
			return false;
		l->items[i] = *one;
		return true;
	}
	l->items = xreallocarray(l->items, l->n_items + 1, sizeof *l->items);
	memmove(l->items + i + 1, l->items + i, (l->n_items++ - i) * sizeof *l->items);
	l->items[i] = *one;
	return true;
}

static bool drop_networks_of(struct links *l, int index)
{
	size_t n = 0, before = l->n_networks;

	for (size_t i = 0; i < before; i++)
		if (l->networks[i].index != index)
			l->networks[n++] = l->networks[i];
	l->n_networks = n;
	return n < before;
}

bool links_drop(struct links *l, int index)
{
	size_t i = place_of(l, index);

	if (!is_at(l, i, index))
		return drop_networks_of(l, index);
	memmove(l->items + i, l->items + i + 1, (--l->n_items - i) * sizeof *l->items);
	drop_networks_of(l, index);
	return true;
}

static bool network_equal(const struct network *a, const struct network *b)
{
	return a->index == b->index && ipaddr_equal(&a->address, &b->address) &&
	       ipnet_cmp(&a->net, &b->net) == 0;
}

static size_t find_network(const struct links *l, const struct network *n)
{
	for (size_t i = 0; i < l->n_networks; i++)
		if (network_equal(&l->networks[i], n))
			return i;
	return l->n_networks;
}

bool links_put_network(struct links *l, const struct network *n)
{
	if (find_network(l, n) < l->n_networks)
		return false;
	l->networks = xreallocarray(l->networks, l->n_networks + 1, sizeof *l->networks);
	l->networks[l->n_networks++] = *n;
	return true;
}

bool links_drop_network(struct links *l, const struct network *n)
{
	size_t i = find_network(l, n);

	if (i == l->n_networks)
		return false;
	l->networks[i] = l->networks[--l->n_networks];
	return true;
}

bool links_equal(const struct links *a, const struct links *b)
{
	if (a->n_items != b->n_items || a->n_networks != b->n_networks)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (!link_equal(&a->items[i], &b->items[i]))
			return false;
	for (size_t i = 0; i < a->n_networks; i++)
		if (find_network(b, &a->networks[i]) == b->n_networks)
			return false;
	return true;
}

const struct link *links_find(const struct links *l, int index)
{
	size_t i = place_of(l, index);

	return is_at(l, i, index) ? &l->items[i] : NULL;
}

bool links_have_mac(const struct links *l, const struct mac *mac)
{
	for (size_t i = 0; i < l->n_items; i++)
		if (mac_equal(&l->items[i].mac, mac))
			return true;
	return false;
}

static bool is_named(const struct link *one, const struct link_names *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		if (str_equal(one->name, names->items[i]))
			return true;
	return false;
}

static bool may_answer(const struct link *one, const struct link_names *names)
{
	return one && one->usable && (names->n_items == 0 || is_named(one, names));
}

/* The length of its network that holds the VIP, 0 if there is none. */
static unsigned holds(const struct links *l, const struct link *one, const struct ipaddr *vip)
{
	unsigned longest = 0;

	for (size_t i = 0; i < l->n_networks; i++) {
		const struct network *n = &l->networks[i];

		if (n->index == one->index && n->net.len > longest && ipnet_contains(&n->net, vip))
			longest = n->net.len;
	}
	return longest;
}

/* The one that holds it in its smallest network; of two, the first. */
static const struct link *closest(
	const struct links *l, const struct link_names *names, const struct ipaddr *vip)
{
	const struct link *best = NULL;
	unsigned longest = 0;

	for (size_t i = 0; i < l->n_networks; i++) {
		const struct network *n = &l->networks[i];
		const struct link *one;

		if (n->net.len < longest || !ipnet_contains(&n->net, vip))
			continue;
		one = links_find(l, n->index);
		if (!may_answer(one, names) || (n->net.len == longest && best && best <= one))
			continue;
		best = one;
		longest = n->net.len;
	}
	return best;
}

const struct link *links_next(const struct links *l, const struct link_names *names,
	const struct ipaddr *vip, const struct link *last)
{
	const struct link *best = closest(l, names, vip);

	if (names->n_items == 0)
		return last ? NULL : best;
	for (const struct link *one = last ? last + 1 : l->items; one < l->items + l->n_items;
		one++)
		if (may_answer(one, names) && (!best || holds(l, one, vip)))
			return one;
	return NULL;
}

static uint64_t digest_of(const struct link *one)
{
	uint64_t digest = DIGEST_INIT;

	digest_add(&digest, &one->index, sizeof one->index);
	digest_add(&digest, one->mac.bytes, MAC_BYTES);
	digest_add_text(&digest, one->name);
	return digest;
}

/* A sum, for networks are in no order. */
uint64_t links_digest(const struct links *l, const struct link_names *names)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n_networks; i++) {
		const struct ipnet *net = &l->networks[i].net;
		const struct link *one = links_find(l, l->networks[i].index);
		uint64_t digest;

		if (!may_answer(one, names))
			continue;
		digest = digest_of(one);
		digest_add(&digest, net->addr.bytes, ipaddr_bits(&net->addr) / 8);
		digest_add(&digest, &net->len, sizeof net->len);
		sum += digest_spread(digest);
	}
	for (size_t i = 0; names->n_items && i < l->n_items; i++)
		if (may_answer(&l->items[i], names))
			sum += digest_spread(digest_of(&l->items[i]));
	return sum;
}
