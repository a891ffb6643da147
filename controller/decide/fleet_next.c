/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sorted.h"
#include "decide/admission.h"
#include "decide/fleet_parts.h"
#include "decide/routing.h"
#include "decide/succession.h"
#include "objects/objects.h"

enum { FEW = 16 };

/* One Service that has changed: what became of it before and what becomes of it now. */
struct renewal {
	const struct service *service; /* NULL: it is gone, or of another fleet */
	struct fleet_service *before;  /* NULL: it is new */
	struct fleet_service *now;     /* NULL with `service` */
};

/* The decision that is being made. */
struct draft {
	struct fleet *fleet;
	size_t servers_size, services_size, without_size; /* what the arrays have room for */
};

static void *with_room(void *array, size_t *size, size_t n, size_t item)
{
	if (n < *size)
		return array;
	*size = 2 * n + 1;
	return xreallocarray(array, *size, item);
}

static void note_without(struct draft *d, struct fleet_service *s)
{
	struct fleet *f = d->fleet;

	f->without = with_room(
		f->without, &d->without_size, f->n_without, sizeof(struct fleet_service *));
	f->without[f->n_without++] = s;
}

static void forget_without(struct fleet *f, const struct fleet_service *s)
{
	for (size_t i = 0; i < f->n_without; i++)
		if (f->without[i] == s) {
			f->without[i] = f->without[--f->n_without];
			return;
		}
}

static void draft_init(struct draft *d, struct fleet *old)
{
	*d = (struct draft){.fleet = succession_follow(old),
		.servers_size = old->n_servers + 1,
		.services_size = old->n_services + 1,
		.without_size = old->n_without + 1};
}

static int cmp_place(const void *key, const void *item)
{
	const struct place at = virtual_server_place(*(const struct virtual_server *const *)item);

	return place_cmp(key, &at);
}

/* Where a virtual server of this place is, or belongs. */
static size_t server_position(const struct fleet *f, const struct place *place)
{
	return sorted_place(
		place, f->servers, f->n_servers, sizeof(struct virtual_server *), cmp_place);
}

static void remove_servers(
	struct fleet *f, const struct fleet_service *of, const struct ipaddr *vip)
{
	size_t begin = server_position(f, &(struct place){.vip = *vip}), end = begin, n = begin;

	for (; end < f->n_servers && ipaddr_equal(&f->servers[end]->vip, vip); end++)
		if (f->servers[end]->ns == of->ns)
			succession_drop_server(f, f->servers[end]);
		else
			f->servers[n++] = f->servers[end];
	memmove(f->servers + n, f->servers + end,
		(f->n_servers - end) * sizeof(struct virtual_server *));
	f->n_servers -= end - n;
}

static void add_server(struct draft *d, struct virtual_server *vs)
{
	const struct place at = virtual_server_place(vs);
	struct fleet *f = d->fleet;
	size_t i = server_position(f, &at);

	f->servers = with_room(
		f->servers, &d->servers_size, f->n_servers, sizeof(struct virtual_server *));
	memmove(f->servers + i + 1, f->servers + i,
		(f->n_servers - i) * sizeof(struct virtual_server *));
	f->servers[i] = vs;
	f->n_servers++;
}

/* Puts the virtual servers of one Service in the place of those it had. */
static void replace_servers(struct draft *d, const struct fleet_service *before,
	struct virtual_server *const new[], size_t n_new)
{
	for (size_t i = 0; before && i < before->n_vips; i++)
		remove_servers(d->fleet, before, &before->vips[i]);
	for (size_t i = 0; i < n_new; i++)
		add_server(d, new[i]);
}

/* Puts the verdict in the place of the one before. */
static void replace_verdict(struct draft *d, const struct renewal *r, const struct objname *id)
{
	struct fleet *f = d->fleet;
	size_t i = fleet_position(f, id->ns, id->name);
	size_t n_gone = r->before != NULL, n_new = r->now != NULL;

	if (r->before && fleet_is_without(r->before))
		forget_without(f, r->before);
	if (r->now && fleet_is_without(r->now))
		note_without(d, r->now);
	f->services = with_room(
		f->services, &d->services_size, f->n_services, sizeof(struct fleet_service *));
	memmove(f->services + i + n_new, f->services + i + n_gone,
		(f->n_services - i - n_gone) * sizeof(struct fleet_service *));
	if (r->now)
		f->services[i] = r->now;
	f->n_services += n_new - n_gone;
}

/* It gets all the places that it asks for, unless it cannot be served at all. */
static void serve(struct draft *d, const struct renewal *r, const struct fleet_context *context)
{
	CLEANUP_FREE struct virtual_server **servers = NULL;
	CLEANUP_FREE struct claim *claims = NULL;
	bool is_fine = r->now && !r->now->reason;
	struct report report = {0};
	size_t n_claims = 0, n = 0;

	if (is_fine)
		claims = claims_settle(&n_claims, &r->service, &r->now, 1);
	servers = xcalloc(n_claims, sizeof(struct virtual_server *));
	for (size_t i = 0; i < n_claims; i++) {
		servers[n] = fleet_serve_claim(&claims[i], r->now, context, &report);
		n += servers[n] != NULL;
	}
	if (is_fine)
		report_finish(&report, r->now);
	replace_servers(d, r->before, servers, n);
}

static bool share_a_vip(const struct fleet_service *a, const struct fleet_service *b)
{
	for (size_t i = 0; a && i < a->n_vips; i++)
		if (ipaddrs_have(b->vips, b->n_vips, &a->vips[i]))
			return true;
	return false;
}

static bool share_a_port(const struct service *a, const struct service *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t k = 0; k < b->n_ports; k++)
			if (a->ports[i].port == b->ports[k].port &&
				a->ports[i].protocol == b->ports[k].protocol)
				return true;
	return false;
}

/* Whether another Service, which has no virtual server at some of its places, may be concerned. */
static bool may_concern(
	const struct store *s, const struct renewal *r, const struct fleet_service *other)
{
	const struct service *theirs;

	if (other->outcome == FLEET_CONFLICT || other->route_refused)
		return share_a_vip(r->before, other) || share_a_vip(r->now, other);
	if (other->outcome != FLEET_NO_ENDPOINTS || !share_a_vip(r->now, other))
		return false;
	theirs = store_find(s, other->ns, other->name);
	return !theirs || !r->service || share_a_port(r->service, theirs);
}

/* Whether somebody else has a virtual server where this Service wants one. */
static bool is_taken(const struct fleet *f, const struct renewal *r, const struct ipaddr *vip,
	const struct service_port *port)
{
	const struct place at = {*vip, port->protocol, port->port};
	const struct virtual_server *vs = virtual_server_find(fleet_servers(f), f->n_servers, &at);

	return vs && (!r->before || vs->ns != r->before->ns);
}

/* Whether somebody else with this VIP says something of the route to it. */
static bool others_speak(const struct draft *d, const struct renewal *r, const struct ipaddr *vip)
{
	const struct fleet *f = d->fleet;

	for (size_t i = server_position(f, &(struct place){.vip = *vip});
		i < f->n_servers && ipaddr_equal(&f->servers[i]->vip, vip); i++) {
		const struct virtual_server *vs = f->servers[i];
		const struct fleet_service *owner = fleet_find(f, vs->ns, vs->name);

		if (owner && owner != r->before && owner->route)
			return true;
	}
	for (size_t i = 0; i < f->n_without; i++)
		if (f->without[i] != r->before && f->without[i]->route &&
			ipaddrs_have(f->without[i]->vips, f->without[i]->n_vips, vip))
			return true;
	return false;
}

/* Whether it has to be decided anew whose word counts; else it is as before. */
static bool is_disputed(const struct draft *d, const struct renewal *r)
{
	if (!r->now || !r->now->route || (r->before && routing_keep(r->now, r->before)))
		return false;
	for (size_t i = 0; i < r->now->n_vips; i++)
		if (others_speak(d, r, &r->now->vips[i]))
			return true;
	return false;
}

/* Whether others win or lose a place by this. */
static bool concerns_others(const struct draft *d, const struct store *s, const struct renewal *r)
{
	for (size_t i = 0; r->now && i < r->now->n_vips; i++)
		for (size_t k = 0; k < r->service->n_ports; k++)
			if (is_taken(d->fleet, r, &r->now->vips[i], &r->service->ports[k]))
				return true;
	for (size_t i = 0; i < d->fleet->n_without; i++)
		if (d->fleet->without[i] != r->before && may_concern(s, r, d->fleet->without[i]))
			return true;
	return false;
}

/*
 * Whether its namespace has room for it. That is not known here if some Service of it was refused
 * any: it may get in now.
 */
static bool has_room(const struct fleet *f, const struct renewal *r, const struct objname *id,
	size_t per_namespace)
{
	size_t n = r->now ? r->now->n_wanted : 0;

	for (size_t i = fleet_position(f, id->ns, "");
		i < f->n_services && strcmp(f->services[i]->ns, id->ns) == 0; i++) {
		const struct fleet_service *other = f->services[i];

		if (other->reason == REASON_QUOTA_EXCEEDED)
			return false;
		if (other != r->before)
			n += other->n_wanted;
	}
	return n <= per_namespace;
}

/* False: there is no room for it. One that is too large needs none. */
static bool admit(struct fleet *f, const struct renewal *r)
{
	if (r->before) {
		f->n_wanted -= r->before->n_wanted;
		f->n_sources -= r->before->n_sources;
	}
	if (!r->now || r->now->reason)
		return true;
	r->now->n_wanted = admission_count(r->now, r->service);
	r->now->n_sources = r->service->policy.sources.n_nets;
	if (admission_reject_large(r->now))
		return true;
	f->n_wanted += r->now->n_wanted;
	f->n_sources += r->now->n_sources;
	return f->n_wanted <= LIMIT_FLEET_REALS && f->n_sources <= LIMIT_FLEET_SOURCES;
}

static const struct service *find_ours(
	const struct store *s, const struct fleet_rules *rules, const struct objname *id)
{
	const struct service *service = store_find(s, id->ns, id->name);

	return service && service_asks_for(service, rules) ? service : NULL;
}

/* False: other Services may be concerned, too. */
static bool renew(struct draft *d, const struct store *s, const struct fleet_context *context,
	const struct objname *id)
{
	struct fleet *f = d->fleet;
	size_t per_namespace = context->rules->per_namespace;
	struct renewal r = {
		find_ours(s, context->rules, id), fleet_verdict(f, id->ns, id->name), NULL};

	if (!r.service && !r.before)
		return true;
	if (r.service)
		r.now = fleet_judge(r.service, context);
	if (!admit(f, &r) || (per_namespace && !has_room(f, &r, id, per_namespace)) ||
		concerns_others(d, s, &r) || is_disputed(d, &r)) {
		if (r.now)
			succession_free_verdict(r.now);
		return false;
	}
	serve(d, &r, context);
	replace_verdict(d, &r, id);
	if (r.before)
		succession_drop_verdict(f, r.before);
	return true;
}

static bool is_news(const struct fleet *f, const struct store *s, const struct fleet_rules *rules,
	const struct store_news *news)
{
	for (size_t i = 0; i < news->n_services; i++) {
		const struct objname *id = &news->services[i];

		if (fleet_find(f, id->ns, id->name) || find_ours(s, rules, id))
			return true;
	}
	return false;
}

/* More than a few, and a large part of all: that is dearer than to decide on all. */
static bool are_many(const struct store_news *news, const struct fleet *old)
{
	return news->n_services > FEW && news->n_services > old->n_services / 8;
}

struct fleet *fleet_next(struct fleet *old, struct store *s, const struct fleet_rules *rules)
{
	CLEANUP(store_news_done) struct store_news news = store_take_news(s);
	struct fleet_context context;
	struct draft d;
	bool done = true;

	if (!old || news.all || old->is_full || old->after || are_many(&news, old))
		return fleet_build_after(old, s, rules);
	if (!is_news(old, s, rules, &news))
		return NULL;
	draft_init(&d, old);
	fleet_context_init(&context, rules, s);
	context.number = d.fleet->number;
	for (size_t i = 0; i < news.n_services && done; i++)
		done = renew(&d, s, &context, &news.services[i]);
	fleet_context_done(&context);
	if (done)
		return d.fleet;
	fleet_unref(d.fleet);
	return fleet_build_after(old, s, rules);
}
