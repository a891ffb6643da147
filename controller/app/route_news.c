/* SPDX-License-Identifier: Apache-2.0 */
#include "app/route_news.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/sorted.h"
#include "control/told_route.h"
#include "decide/fleet_diff.h"
#include "decide/routing.h"
#include "doc/jsonx.h"

void route_news_done(struct route_news *r)
{
	for (size_t i = 0; i < r->n_items; i++)
		attributes_unref(r->items[i].said);
	free(r->items);
	*r = (struct route_news){0};
}

static int by_vip(const void *a, const void *b)
{
	const struct spoken *one = a, *other = b;

	return ipaddr_cmp(&one->vip, &other->vip);
}

/* Several Services of a VIP say the same, or all but one are refused. */
static struct route_news collect(const struct fleet *f)
{
	struct route_news all = {0};
	size_t room = 0, kept = 0;

	for (size_t i = 0; i < f->n_services; i++)
		room += f->services[i]->route ? f->services[i]->n_vips : 0;
	all.items = xcalloc(room, sizeof *all.items);
	for (size_t i = 0; i < f->n_services; i++)
		for (size_t k = 0; f->services[i]->route && k < f->services[i]->n_vips; k++) {
			struct attributes *said = routing_said(f->services[i], k);

			if (said)
				all.items[all.n_items++] = (struct spoken){
					f->services[i]->vips[k], attributes_ref(said)};
		}
	qsort(all.items, all.n_items, sizeof *all.items, by_vip);
	for (size_t i = 0; i < all.n_items; i++)
		if (kept > 0 && by_vip(&all.items[kept - 1], &all.items[i]) == 0)
			attributes_unref(all.items[i].said);
		else
			all.items[kept++] = all.items[i];
	all.n_items = kept;
	return all;
}

/* Whether what it says of routes may be something else. */
static bool is_news(const struct fleet_service *old, const struct fleet_service *new)
{
	const struct attributes *was = old ? old->route : NULL, *is = new ? new->route : NULL;

	if (!was && !is)
		return false;
	return !was || !is || !attributes_equal(was, is) ||
	       old->route_refused != new->route_refused ||
	       !ipaddrs_equal(old->vips, old->n_vips, new->vips, new->n_vips);
}

/* Most Services are shared by both. */
static bool has_news(const struct fleet *before, const struct fleet *now)
{
	size_t i = 0, k = 0, n_old = before ? before->n_services : 0;

	while (i < n_old || k < now->n_services) {
		const struct fleet_service *old = i < n_old ? before->services[i] : NULL;
		const struct fleet_service *new = k < now->n_services ? now->services[k] : NULL;
		int order = fleet_service_order(old, new);

		if (old != new &&is_news(order <= 0 ? old : NULL, order >= 0 ? new : NULL))
			return true;
		i += order <= 0;
		k += order >= 0;
	}
	return false;
}

static json_t *message(bool all)
{
	json_t *msg = jsonx_must(json_object());

	jsonx_set(msg, "type", json_string("routes"));
	jsonx_set(msg, "all", json_boolean(all));
	jsonx_set(msg, "set", json_array());
	jsonx_set(msg, "gone", json_array());
	return msg;
}

static void add_set(json_t *msg, const struct ipaddr *vip, struct attributes *said)
{
	const struct told_route route = {ipnet_of(vip), said};

	jsonx_append(json_object_get(msg, "set"), told_route_build(&route));
}

static void add_gone(json_t *msg, const struct ipaddr *vip)
{
	const struct ipnet net = ipnet_of(vip);
	char text[IPNET_TEXT];

	jsonx_append(json_object_get(msg, "gone"), json_string(ipnet_format(text, &net)));
}

static int cmp_addrs(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* All VIPs of a fleet, sorted, in a new array. */
static struct ipaddr *vips_of(const struct fleet *f, size_t *ret_n)
{
	struct ipaddr *vips;
	size_t n = 0;

	for (size_t i = 0; i < f->n_services; i++)
		n += f->services[i]->n_vips;
	vips = xcalloc(n, sizeof *vips);
	*ret_n = n;
	n = 0;
	for (size_t i = 0; i < f->n_services; i++)
		for (size_t k = 0; k < f->services[i]->n_vips; k++)
			vips[n++] = f->services[i]->vips[k];
	qsort(vips, n, sizeof *vips, cmp_addrs);
	return vips;
}

/*
 * Of VIPs of which nothing is said any more: who is still there has the defaults now, but until the
 * route to one that is gone is withdrawn, it is what it was.
 */
static void add_silent(json_t *msg, const struct route_news *silent, const struct fleet *now)
{
	CLEANUP_FREE struct ipaddr *vips = NULL;
	size_t n = 0;

	if (silent->n_items > 0)
		vips = vips_of(now, &n);
	for (size_t i = 0; i < silent->n_items; i++) {
		const struct ipaddr *vip = &silent->items[i].vip;

		if (bsearch(vip, vips, n, sizeof *vips, cmp_addrs))
			add_set(msg, vip, NULL);
		else
			add_gone(msg, vip);
	}
}

static json_t *difference(
	const struct route_news *before, const struct route_news *after, const struct fleet *now)
{
	struct route_news silent = {.items = xcalloc(before->n_items, sizeof *silent.items)};
	json_t *msg = message(false);
	size_t i = 0, k = 0;

	while (i < before->n_items || k < after->n_items) {
		const struct spoken *old = i < before->n_items ? &before->items[i] : NULL;
		const struct spoken *new = k < after->n_items ? &after->items[k] : NULL;
		int order = !old ? 1 : !new ? -1 : by_vip(old, new);

		if (old && order < 0)
			silent.items[silent.n_items++] = *old;
		else if (new && (!old || order > 0 || !attributes_equal(old->said, new->said)))
			add_set(msg, &new->vip, new->said);
		i += order <= 0;
		k += order >= 0;
	}
	add_silent(msg, &silent, now);
	free(silent.items);
	return msg;
}

static bool is_empty(const json_t *msg)
{
	return json_array_size(json_object_get(msg, "set")) +
		       json_array_size(json_object_get(msg, "gone")) ==
	       0;
}

json_t *route_news_next(struct route_news *r, const struct fleet *before, const struct fleet *now)
{
	struct route_news after;
	json_t *msg;

	if (!has_news(before, now))
		return NULL;
	after = collect(now);
	msg = difference(r, &after, now);
	route_news_done(r);
	*r = after;
	if (is_empty(msg)) {
		json_decref(msg);
		return NULL;
	}
	return msg;
}

json_t *route_news_all(const struct route_news *r, bool only)
{
	json_t *msg = message(only);

	for (size_t i = 0; i < r->n_items; i++)
		add_set(msg, &r->items[i].vip, r->items[i].said);
	return msg;
}
