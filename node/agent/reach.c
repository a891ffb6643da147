/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reach.h"

#include <stdlib.h>

#include "base/sorted.h"

static int cmp_way(const void *key, const void *item)
{
	return ipaddr_cmp(key, &((const struct way *)item)->pod);
}

static const struct way *find(const struct ways *w, const struct ipaddr *pod)
{
	size_t i = sorted_place(pod, w->items, w->n_items, sizeof *w->items, cmp_way);

	return i < w->n_items && ipaddr_equal(&w->items[i].pod, pod) ? &w->items[i] : NULL;
}

/* What is not known is asked for each time. */
static struct way way_of(const struct ways *before, const struct ipaddr *pod, struct netlink *n)
{
	const struct way *old = find(before, pod);
	struct way way = {.pod = *pod};
	struct err unused = {0};

	if (old && old->known)
		return *old;
	way.known = device_way_to(&way.way, n, pod, &unused) == 0;
	return way;
}

/* Whether its packets may come in tunnels; that it is not known is no reason against it. */
static bool note(struct reach *r, const struct way *one)
{
	unsigned mtu = one->way.mtu;

	if (!one->known)
		r->unsure = true;
	else if (mtu > 0 && (r->mtu == 0 || mtu < r->mtu))
		r->mtu = mtu;
	if (one->way.is_own && r->n_own++ == 0)
		r->own = one->pod;
	return !one->way.is_own;
}

struct reach reach_of(struct plan **ret_plan, struct ways *ways, const struct plan *plan,
	int family, struct netlink *n)
{
	struct plan *some = xnew0(struct plan);
	struct ways now = {xcalloc(plan->n_entries, sizeof *now.items), 0};
	struct reach r = {0};
	bool takes = false;

	*some = *plan;
	some->entries = xcalloc(plan->n_entries, sizeof *some->entries);
	some->n_entries = 0;
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *one = &plan->entries[i];

		if (one->pod.family != family)
			continue;
		if (i == 0 || !ipaddr_equal(&one->pod, &plan->entries[i - 1].pod)) {
			now.items[now.n_items] = way_of(ways, &one->pod, n);
			takes = note(&r, &now.items[now.n_items++]);
		}
		if (takes)
			some->entries[some->n_entries++] = *one;
	}
	ways_done(ways);
	*ways = now;
	*ret_plan = some;
	return r;
}

void ways_done(struct ways *w)
{
	free(w->items);
	*w = (struct ways){0};
}
