/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/gather.h"

#include <stdlib.h>

#include "base/mem.h"

/* A decision from before the Service had an address says nothing about it now. */
static const struct fleet_service *find_decision(
	const struct fleet *fleet, const struct assignment *a)
{
	const struct objname *id = &a->service->id;
	const struct fleet_service *found = fleet ? fleet_find(fleet, id->ns, id->name) : NULL;

	return found && found->outcome == FLEET_PENDING && a->n_vips > 0 ? NULL : found;
}

void gathered_done(struct gathered *g)
{
	free(g->names);
	free(g->vips);
}

static void ask_announcers(struct gathered *ret, struct facts *f, const struct membership *members)
{
	free(ret->names);
	ret->names = membership_announcers(members, f->served, f->n_served, &f->n_announcers);
}

/* Those that announce all that is served, or if nobody does and that is enough, one address. */
static void find_announcers(struct gathered *ret, struct facts *f, const struct membership *members)
{
	size_t n = f->n_served;

	ask_announcers(ret, f, members);
	if (f->n_announcers > 0 || n < 2 || !facts_may_lack(f->service))
		return;
	f->n_served = 1;
	for (size_t i = 0; i < n && f->n_announcers == 0; i++) {
		f->served = &ret->vips[i];
		ask_announcers(ret, f, members);
	}
	if (f->n_announcers > 0)
		return;
	f->served = ret->vips;
	f->n_served = n;
}

struct facts gather(struct gathered *ret, const struct membership *members,
	const struct fleet_rules *rules, const struct fleet *fleet, const struct assignment *a)
{
	struct facts f = {
		.service = a->service,
		.assignment = a,
		.decision = find_decision(fleet, a),
		.on_layer_2 = rules->on_layer_2,
		.by_program = rules->by_program,
	};

	f.fleet = f.decision ? fleet : NULL;
	*ret = (struct gathered){.vips = xcalloc(a->service->held.n_vips, sizeof *ret->vips)};
	f.n_served = facts_served(ret->vips, a->service, f.decision, f.fleet);
	f.served = ret->vips;
	if (f.n_served > 0)
		find_announcers(ret, &f, members);
	f.announcers = ret->names;
	return f;
}
