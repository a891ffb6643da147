/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/book.h"

#include <string.h>

#include "base/sorted.h"

enum { LOCAL_PREFERENCE = 100 }; /* what a route has of which nothing is said */

static void page_done(const struct book_page *page)
{
	attributes_unref(page->said);
	attributes_unref(page->all);
}

void book_clear(struct book *b)
{
	for (size_t i = 0; i < b->n_items; i++)
		page_done(&b->items[i]);
	free(b->items);
	b->items = NULL;
	b->n_items = 0;
}

void book_done(struct book *b)
{
	book_clear(b);
	b->defaults = attributes_unref(b->defaults);
}

void book_set_defaults(struct book *b, struct attributes *defaults)
{
	attributes_ref(defaults);
	attributes_unref(b->defaults);
	b->defaults = defaults;
	for (size_t i = 0; i < b->n_items; i++) {
		attributes_unref(b->items[i].all);
		b->items[i].all = attributes_over(b->items[i].said, defaults);
	}
}

void book_set_config(struct book *b, const struct config *c)
{
	struct attributes *a = attributes_new();
	struct err unused = {0};

	if (c->bgp.communities[0])
		attributes_set_communities(a, c->bgp.communities, &unused);
	a->local_preference = c->bgp.local_preference;
	a->med = c->bgp.med;
	a->prepend = c->bgp.as_path_prepend;
	a->said |= ATTRIBUTES_PREPEND | (a->med ? ATTRIBUTES_MED : 0) |
		   (a->local_preference != LOCAL_PREFERENCE ? ATTRIBUTES_LOCAL_PREFERENCE : 0);
	book_set_defaults(b, a);
	attributes_unref(a);
}

static int cmp_net(const void *net, const void *item)
{
	const struct book_page *page = item;

	return ipnet_cmp(net, &page->net);
}

/* Where `net` is, or belongs. */
static size_t position(const struct book *b, const struct ipnet *net)
{
	return sorted_place(net, b->items, b->n_items, sizeof *b->items, cmp_net);
}

static bool is_at(const struct book *b, size_t at, const struct ipnet *net)
{
	return at < b->n_items && ipnet_cmp(&b->items[at].net, net) == 0;
}

void book_set(struct book *b, const struct ipnet *net, struct attributes *said)
{
	size_t at = position(b, net);

	if (is_at(b, at, net)) {
		page_done(&b->items[at]);
	} else {
		b->items = xreallocarray(b->items, b->n_items + 1, sizeof *b->items);
		memmove(&b->items[at + 1], &b->items[at], (b->n_items - at) * sizeof *b->items);
		b->n_items++;
	}
	b->items[at] = (struct book_page){
		*net, attributes_ref(said), attributes_over(said, b->defaults), false};
}

void book_leave(struct book *b, const struct ipnet *net)
{
	size_t at = position(b, net);

	if (is_at(b, at, net))
		b->items[at].leaving = true;
}

void book_sweep(struct book *b, const struct prefixes *announced)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_items; i++) {
		const struct book_page *page = &b->items[i];

		if (page->said && (!page->leaving || prefixes_has(announced, &page->net)))
			b->items[kept++] = *page;
		else
			page_done(page);
	}
	b->n_items = kept;
}

const struct book_page *book_next(const struct book *b, size_t *at, const struct ipnet *net)
{
	int order = -1;

	while (*at < b->n_items && (order = ipnet_cmp(&b->items[*at].net, net)) < 0)
		++*at;
	return order == 0 && b->items[*at].said ? &b->items[*at] : NULL;
}
