/* SPDX-License-Identifier: Apache-2.0 */
#include "table/content.h"

#include <stdlib.h>

static struct plan *plan_of_family(const struct plan *plan, int family)
{
	struct plan *p = xnew0(struct plan);

	p->gue_port = plan->gue_port;
	p->gue = plan->gue;
	p->entries = xcalloc(plan->n_entries, sizeof *p->entries);
	for (size_t i = 0; i < plan->n_entries; i++)
		if (plan->entries[i].pod.family == family)
			p->entries[p->n_entries++] = plan->entries[i];
	return p;
}

static int number_pods(struct content *c, const struct ids *before, struct err *e)
{
	CLEANUP_FREE struct ipaddr *pods = xcalloc(c->plan->n_entries, sizeof *pods);
	size_t n = 0;

	for (size_t i = 0; i < c->plan->n_entries; i++)
		if (n == 0 || !ipaddr_equal(&pods[n - 1], &c->plan->entries[i].pod))
			pods[n++] = c->plan->entries[i].pod;
	return ids_next(&c->ids, before, pods, n, e);
}

static int cmp_addrs(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static void collect_vips(struct content *c)
{
	size_t n = c->plan->n_entries;
	CLEANUP_FREE struct ipaddr *all = xcalloc(n, sizeof *all);

	for (size_t i = 0; i < n; i++)
		all[i] = c->plan->entries[i].place.vip;
	qsort(all, n, sizeof *all, cmp_addrs);
	for (size_t i = 0; i < n; i++)
		if (c->n_vips == 0 || !ipaddr_equal(&all[c->n_vips - 1], &all[i]))
			all[c->n_vips++] = all[i];
	c->vips = xcalloc(c->n_vips, sizeof *c->vips);
	for (size_t i = 0; i < c->n_vips; i++)
		c->vips[i] = all[i];
}

/* nftables refuses one that is inside another. */
static void collect_sources(struct content *c, int family, const struct ipnet nets[], size_t n)
{
	c->sources = xcalloc(n, sizeof *c->sources);
	for (size_t i = 0; i < n; i++)
		if (nets[i].addr.family == family)
			c->sources[c->n_sources++] = nets[i];
	c->n_sources = ipnets_settle(c->sources, c->n_sources);
}

int content_build(struct content **ret, int family, const struct plan *plan,
	const struct ipnet sources[], size_t n_sources, const struct ids *before, struct err *e)
{
	CLEANUP(content_freep) struct content *c = xnew0(struct content);
	int r;

	c->plan = plan_of_family(plan, family);
	r = number_pods(c, before, e);
	if (r < 0)
		return r;
	collect_vips(c);
	collect_sources(c, family, sources, n_sources);
	*ret = steal(c);
	return 0;
}

struct content *content_free(struct content *c)
{
	if (!c)
		return NULL;
	plan_free(c->plan);
	ids_done(&c->ids);
	free(c->vips);
	free(c->sources);
	free(c);
	return NULL;
}

bool content_is_empty(const struct content *c)
{
	return c->plan->n_entries == 0;
}
