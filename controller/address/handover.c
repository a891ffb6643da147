/* SPDX-License-Identifier: Apache-2.0 */
#include "address/handover.h"

#include <stdlib.h>

#include "base/hash.h"

/* An address that Services have to let go of. */
struct leaving {
	struct ipaddr addr;
	size_t n_services;
	UT_hash_handle hh;
};

struct handover {
	struct leaving *all;
};

struct handover *handover_new(void)
{
	return xnew0(struct handover);
}

static void drop(struct handover *h, struct leaving *one)
{
	HASH_DEL(h->all, one);
	free(one);
}

struct handover *handover_free(struct handover *h)
{
	if (!h)
		return NULL;
	while (h->all)
		drop(h, h->all);
	free(h);
	return NULL;
}

static struct leaving *find(const struct handover *h, const struct ipaddr *addr)
{
	struct leaving *one;

	HASH_FIND(hh, h->all, addr, sizeof *addr, one);
	return one;
}

void handover_add(struct handover *h, const struct assignment *a)
{
	const struct held *held = &a->service->held;

	for (size_t i = 0; i < held->n_vips; i++) {
		struct leaving *one = find(h, &held->vips[i]);

		if (assignment_has(a, &held->vips[i]))
			continue;
		if (!one) {
			one = xnew0(struct leaving);
			one->addr = held->vips[i];
			HASH_ADD(hh, h->all, addr, sizeof one->addr, one);
		}
		one->n_services++;
	}
}

void handover_remove(struct handover *h, const struct assignment *a)
{
	const struct held *held = &a->service->held;

	for (size_t i = 0; i < held->n_vips; i++) {
		struct leaving *one;

		if (assignment_has(a, &held->vips[i]))
			continue;
		one = find(h, &held->vips[i]);
		if (one && --one->n_services == 0)
			drop(h, one);
	}
}

bool handover_holds_up(const struct handover *h, const struct assignment *a)
{
	const struct held *held = &a->service->held;

	for (size_t i = 0; h->all && i < a->n_vips; i++)
		if (!ipaddrs_have(held->vips, held->n_vips, &a->vips[i]) && find(h, &a->vips[i]))
			return true;
	return false;
}
