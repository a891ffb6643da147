/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet_diff.h"

#include <string.h>

struct walk {
	struct fleet_diff diff;
	void (*on_changed)(
		void *ud, const struct virtual_server *old, const struct virtual_server *new);
	void *ud;
};

static int real_cmp(const struct real_server *a, const struct real_server *b)
{
	int order = ipaddr_cmp(&a->addr, &b->addr);

	return order ? order : (a->port > b->port) - (a->port < b->port);
}

static bool same_settings(const struct virtual_server *a, const struct virtual_server *b)
{
	return a->scheduler == b->scheduler && a->persistence == b->persistence &&
	       health_check_equal(&a->check, &b->check);
}

static bool same_real(const struct real_server *a, const struct real_server *b)
{
	return a->weight == b->weight && a->target == b->target &&
	       forward_equal(&a->forward, &b->forward);
}

static void diff_reals(
	struct fleet_diff *d, const struct virtual_server *old, const struct virtual_server *new)
{
	size_t i = 0, j = 0;

	while (i < old->n_reals || j < new->n_reals) {
		int order = i == old->n_reals   ? 1
			    : j == new->n_reals ? -1
						: real_cmp(&old->reals[i], &new->reals[j]);

		if (order == 0 && !same_real(&old->reals[i], &new->reals[j]))
			d->reals_changed++;
		d->reals_removed += order < 0;
		d->reals_added += order > 0;
		i += order <= 0;
		j += order >= 0;
	}
}

static size_t reals_touched(const struct fleet_diff *d)
{
	return d->reals_added + d->reals_removed + d->reals_changed;
}

static void tell(
	const struct walk *w, const struct virtual_server *old, const struct virtual_server *new)
{
	if (w->on_changed)
		w->on_changed(w->ud, old, new);
}

static void diff_pair(
	struct walk *w, const struct virtual_server *old, const struct virtual_server *new)
{
	size_t before = reals_touched(&w->diff);

	diff_reals(&w->diff, old, new);
	if (!same_settings(old, new))
		w->diff.services_changed++;
	else if (reals_touched(&w->diff) == before)
		return;
	tell(w, old, new);
}

struct fleet_diff fleet_diff(const struct virtual_server *const old[], size_t n_old,
	const struct virtual_server *const new[], size_t n_new,
	void (*on_changed)(
		void *ud, const struct virtual_server *old, const struct virtual_server *new),
	void *ud)
{
	struct walk w = {.on_changed = on_changed, .ud = ud};
	size_t i = 0, j = 0;

	while (i < n_old || j < n_new) {
		int order;

		/* Most are shared. */
		if (i < n_old && j < n_new && old[i] == new[j]) {
			i++;
			j++;
			continue;
		}
		order = i == n_old ? 1 : j == n_new ? -1 : virtual_server_cmp(old[i], new[j]);
		if (order == 0)
			diff_pair(&w, old[i], new[j]);
		else
			tell(&w, order < 0 ? old[i] : NULL, order > 0 ? new[j] : NULL);
		w.diff.services_removed += order < 0;
		w.diff.services_added += order > 0;
		i += order <= 0;
		j += order >= 0;
	}
	return w.diff;
}

bool fleet_diff_empty(const struct fleet_diff *d)
{
	return d->services_added + d->services_removed + d->services_changed + reals_touched(d) ==
	       0;
}

static int service_cmp(const struct fleet_service *a, const struct fleet_service *b)
{
	int order = a == b ? 0 : strcmp(a->ns, b->ns);

	return order || a == b ? order : strcmp(a->name, b->name);
}

int fleet_service_order(const struct fleet_service *a, const struct fleet_service *b)
{
	if (!a || !b)
		return !a ? 1 : -1;
	return service_cmp(a, b);
}

/* Most are shared. */
static bool same_outcome(const struct fleet_service *a, const struct fleet_service *b)
{
	return a == b || (a->outcome == b->outcome && a->reason == b->reason &&
				 a->n_virtual_servers == b->n_virtual_servers &&
				 strcmp(a->message, b->message) == 0);
}

bool fleet_walk_next(struct fleet_walk *w, const struct fleet *before, const struct fleet *now)
{
	size_t n_old = before ? before->n_services : 0;

	while (w->i < n_old || w->j < now->n_services) {
		const struct fleet_service *old = w->i < n_old ? before->services[w->i] : NULL;
		const struct fleet_service *new =
			w->j < now->n_services ? now->services[w->j] : NULL;
		int order = fleet_service_order(old, new);

		w->i += order <= 0;
		w->j += order >= 0;
		w->old = order <= 0 ? old : NULL;
		w->new = order >= 0 ? new : NULL;
		if (order != 0 || !same_outcome(old, new))
			return true;
	}
	return false;
}

void fleet_diff_services(const struct fleet *before, const struct fleet *now,
	void (*on_changed)(
		void *ud, const struct fleet_service *old, const struct fleet_service *new),
	void *ud)
{
	struct fleet_walk w = {0};

	while (fleet_walk_next(&w, before, now))
		on_changed(ud, w.old, w.new);
}
