/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/plan.h"

struct plan *plan_new(struct fleet *fleet)
{
	struct plan *p = xnew0(struct plan);

	p->fleet = fleet;
	p->servers = fleet_servers(fleet);
	p->n_servers = fleet->n_servers;
	p->n_refs = 1;
	return p;
}

struct plan *plan_ref(struct plan *p)
{
	p->n_refs++;
	return p;
}

struct plan *plan_unref(struct plan *p)
{
	if (!p || --p->n_refs > 0)
		return NULL;
	fleet_free(p->fleet);
	free(p);
	return NULL;
}

uint64_t plan_check_time(const struct plan *p)
{
	uint64_t longest = 0;

	for (size_t i = 0; p && i < p->n_servers; i++) {
		uint64_t needed = health_check_time(&p->servers[i]->check);

		if (needed > longest)
			longest = needed;
	}
	return longest;
}
