/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "objects/objects.h"

/* An entry that some Service would have. */
struct bid {
	struct plan_entry entry;
	const struct service *service;
};

struct bids {
	const char *node; /* NULL: any */
	struct bid *items;
	size_t n_items, room;
};

int plan_entry_cmp(const struct plan_entry *a, const struct plan_entry *b)
{
	int order = ipaddr_cmp(&a->pod, &b->pod);

	return order ? order : place_cmp(&a->place, &b->place);
}

static int cmp_bids(const void *pa, const void *pb)
{
	const struct bid *a = pa, *b = pb;
	int order = plan_entry_cmp(&a->entry, &b->entry);

	if (!order && a->service != b->service)
		order = service_cmp_seniority(a->service, b->service);
	return order ? order : (int)a->entry.target - (int)b->entry.target;
}

static void add(struct bids *bids, const struct bid *bid)
{
	if (bids->n_items == bids->room) {
		bids->room = bids->room ? 2 * bids->room : 64;
		bids->items = xreallocarray(bids->items, bids->room, sizeof *bids->items);
	}
	bids->items[bids->n_items++] = *bid;
}

static void add_endpoints(struct bids *bids, const struct service *s,
	const struct service_port *port, const struct ipaddr *vip)
{
	struct bid bid = {
		.entry.place = {*vip, port->protocol, port->port},
		.service = s,
	};

	for (const struct slice *slice = store_slices(s); slice; slice = slice->next) {
		bid.entry.target = slice_target(slice, port);
		if (slice->family != vip->family || bid.entry.target == 0)
			continue;
		for (size_t i = 0; i < slice->n_endpoints; i++) {
			const struct endpoint *one = &slice->endpoints[i];

			bid.entry.pod = one->addr;
			if (!bids->node || strcmp(one->node, bids->node) == 0)
				add(bids, &bid);
		}
	}
}

static void add_service(
	struct bids *bids, const struct service *s, const struct ipaddr vips[], size_t n_vips)
{
	for (size_t i = 0; i < s->n_ports; i++)
		for (size_t j = 0; s->ports[i].protocol != IPPROTO_SCTP && j < n_vips; j++)
			add_endpoints(bids, s, &s->ports[i], &vips[j]);
}

/* Nobody but the leader writes the status; manifests have nobody who writes one. */
static void add_all(
	struct plan *p, struct bids *bids, const struct store *s, const struct fleet_rules *rules)
{
	size_t n;
	CLEANUP_FREE const struct service **services = store_services(&n, s, rules);

	for (size_t i = 0; i < n; i++) {
		const struct service *one = services[i];
		bool asked = rules->addressing == ADDRESSING_ASKED && one->wish.n_vips > 0;

		if (!store_slices(one))
			continue;
		p->gue |= service_forward(one, rules).encapsulation == ENCAPSULATION_GUE;
		if (asked)
			add_service(bids, one, one->wish.vips, one->wish.n_vips);
		else
			add_service(bids, one, one->held.vips, one->held.n_vips);
	}
}

/* How many bids, from the first one on, are of its pod; whether an agent has to know that. */
static size_t count_of_pod(bool *ret_needed, const struct bid *bids, size_t n)
{
	size_t i = 0;

	*ret_needed = false;
	for (; i < n && ipaddr_equal(&bids[i].entry.pod, &bids[0].entry.pod); i++)
		*ret_needed |= bids[i].service->policy.tunnel_to == TUNNEL_TO_NODES;
	return i;
}

/* Those of one pod, once each. */
static void take(struct plan *p, const struct bid *bids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (i == 0 || plan_entry_cmp(&bids[i - 1].entry, &bids[i].entry) != 0)
			p->entries[p->n_entries++] = bids[i].entry;
}

struct plan *plan_build(const struct store *s, const struct fleet_rules *rules, const char *node)
{
	struct plan *p = xnew0(struct plan);
	struct bids bids = {.node = node};

	p->gue_port = rules->gue_port;
	add_all(p, &bids, s, rules);
	if (bids.n_items > 0)
		qsort(bids.items, bids.n_items, sizeof *bids.items, cmp_bids);
	p->entries = xcalloc(bids.n_items, sizeof *p->entries);
	for (size_t i = 0, n; i < bids.n_items; i += n) {
		bool needed;

		n = count_of_pod(&needed, &bids.items[i], bids.n_items - i);
		if (needed)
			take(p, &bids.items[i], n);
	}
	free(bids.items);
	return p;
}

struct plan *plan_free(struct plan *p)
{
	if (!p)
		return NULL;
	free(p->entries);
	free(p);
	return NULL;
}

bool plan_equal(const struct plan *a, const struct plan *b)
{
	bool equal = a->n_entries == b->n_entries;

	for (size_t i = 0; equal && i < a->n_entries; i++)
		equal = plan_entry_cmp(&a->entries[i], &b->entries[i]) == 0 &&
			a->entries[i].target == b->entries[i].target;
	return equal;
}

struct plan *plan_minus(const struct plan *a, const struct plan *b)
{
	struct plan *p = xnew0(struct plan);
	size_t j = 0;

	p->entries = xcalloc(a->n_entries, sizeof *p->entries);
	for (size_t i = 0; i < a->n_entries; i++) {
		const struct plan_entry *one = &a->entries[i];

		while (j < b->n_entries && plan_entry_cmp(&b->entries[j], one) < 0)
			j++;
		if (j == b->n_entries || plan_entry_cmp(&b->entries[j], one) != 0 ||
			b->entries[j].target != one->target)
			p->entries[p->n_entries++] = *one;
	}
	return p;
}

static int cmp_with_target(const struct plan_entry *a, const struct plan_entry *b)
{
	int order = plan_entry_cmp(a, b);

	return order ? order : (int)a->target - (int)b->target;
}

struct plan *plan_plus(const struct plan *a, const struct plan *b)
{
	struct plan *p = xnew0(struct plan);
	size_t i = 0, j = 0;

	p->entries = xcalloc(a->n_entries + b->n_entries, sizeof *p->entries);
	while (i < a->n_entries || j < b->n_entries) {
		int order = i == a->n_entries   ? 1
			    : j == b->n_entries ? -1
						: cmp_with_target(&a->entries[i], &b->entries[j]);

		p->entries[p->n_entries++] = order <= 0 ? a->entries[i] : b->entries[j];
		i += order <= 0;
		j += order >= 0;
	}
	return p;
}
