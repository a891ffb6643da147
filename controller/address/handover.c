/* SPDX-License-Identifier: Apache-2.0 */
#include "address/handover.h"

#include <stdlib.h>

struct handover {
	struct ipaddr *addrs; /* that somebody has to let go of; sorted once all are there */
	size_t n_addrs;
};

/* What its status says and it does not keep. */
static void add(struct handover *h, const struct assignment *a)
{
	const struct held *held = &a->service->held;

	for (size_t i = 0; i < held->n_vips; i++) {
		if (ipaddrs_have(a->vips, a->n_vips, &held->vips[i]))
			continue;
		h->addrs = xreallocarray(h->addrs, h->n_addrs + 1, sizeof *h->addrs);
		h->addrs[h->n_addrs++] = held->vips[i];
	}
}

static int by_address(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

struct handover *handover_new(const struct allocation *a)
{
	struct handover *h = xnew0(struct handover);

	for (size_t i = 0; i < a->n_items; i++)
		add(h, &a->items[i]);
	if (h->n_addrs)
		qsort(h->addrs, h->n_addrs, sizeof *h->addrs, by_address);
	return h;
}

struct handover *handover_free(struct handover *h)
{
	if (!h)
		return NULL;
	free(h->addrs);
	free(h);
	return NULL;
}

bool handover_holds_up(const struct handover *h, const struct assignment *a)
{
	const struct held *held = &a->service->held;

	for (size_t i = 0; h->n_addrs && i < a->n_vips; i++)
		if (!ipaddrs_have(held->vips, held->n_vips, &a->vips[i]) &&
			bsearch(&a->vips[i], h->addrs, h->n_addrs, sizeof *h->addrs, by_address))
			return true;
	return false;
}
