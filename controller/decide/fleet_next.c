/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "decide/admission.h"
#include "decide/fleet_parts.h"
#include "objects/objects.h"

/* One Service that has changed: what became of it before and what becomes of it now. */
struct renewal {
	const struct service *service; /* NULL: it is gone, or of another fleet */
	struct fleet_service *before;  /* NULL: it is new */
	struct fleet_service *now;     /* NULL with `service` */
};

/* The same decision, sharing all that it is made of. */
static struct fleet *copy_of(const struct fleet *old)
{
	struct fleet *f = xnew0(struct fleet);

	*f = *old;
	f->n_refs = 1;
	f->servers = xcalloc(old->n_servers, sizeof(struct virtual_server *));
	f->services = xcalloc(old->n_services, sizeof(struct fleet_service *));
	for (size_t i = 0; i < old->n_servers; i++) {
		f->servers[i] = old->servers[i];
		f->servers[i]->n_refs++;
	}
	for (size_t i = 0; i < old->n_services; i++) {
		f->services[i] = old->services[i];
		f->services[i]->n_refs++;
	}
	return f;
}

/* Puts the virtual servers of one Service, sorted, in the place of those it had. */
static void replace_servers(struct fleet *f, const struct fleet_service *before,
	struct virtual_server *const new[], size_t n_new)
{
	struct virtual_server **merged = xcalloc(f->n_servers + n_new, sizeof *merged);
	size_t n = 0, j = 0;

	for (size_t i = 0; i < f->n_servers; i++) {
		struct virtual_server *vs = f->servers[i];

		while (j < n_new && virtual_server_cmp(new[j], vs) < 0)
			merged[n++] = new[j++];
		if (before && vs->ns == before->ns)
			fleet_drop_server(vs);
		else
			merged[n++] = vs;
	}
	while (j < n_new)
		merged[n++] = new[j++];
	free(f->servers);
	f->servers = merged;
	f->n_servers = n;
}

/* Puts the verdict in the place of the one before. */
static void replace_verdict(struct fleet *f, const struct renewal *r, const struct objname *id)
{
	size_t i = fleet_position(f, id->ns, id->name);
	size_t n_gone = r->before != NULL, n_new = r->now != NULL;

	if (n_new > n_gone)
		f->services = xreallocarray(
			f->services, f->n_services + 1, sizeof(struct fleet_service *));
	memmove(f->services + i + n_new, f->services + i + n_gone,
		(f->n_services - i - n_gone) * sizeof(struct fleet_service *));
	if (r->now)
		f->services[i] = r->now;
	f->n_services += n_new - n_gone;
}

/* It gets all the places that it asks for, unless it cannot be served at all. */
static void serve(struct fleet *f, const struct renewal *r)
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
		servers[n] = fleet_serve_claim(&claims[i], r->now, &report);
		n += servers[n] != NULL;
	}
	if (is_fine)
		report_finish(&report, r->now);
	replace_servers(f, r->before, servers, n);
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

	if (other->outcome == FLEET_CONFLICT)
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

/* Whether others win or lose a place by this. */
static bool concerns_others(const struct fleet *f, const struct store *s, const struct renewal *r)
{
	for (size_t i = 0; r->now && i < r->now->n_vips; i++)
		for (size_t k = 0; k < r->service->n_ports; k++)
			if (is_taken(f, r, &r->now->vips[i], &r->service->ports[k]))
				return true;
	for (size_t i = 0; i < f->n_services; i++)
		if (f->services[i] != r->before && may_concern(s, r, f->services[i]))
			return true;
	return false;
}

/* False: it is too large, or there is no room for it. */
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
	f->n_wanted += r->now->n_wanted;
	f->n_sources += r->now->n_sources;
	return r->now->n_wanted <= LIMIT_SERVICE_REALS && f->n_wanted <= LIMIT_FLEET_REALS &&
	       f->n_sources <= LIMIT_FLEET_SOURCES;
}

static const struct service *find_ours(
	const struct store *s, const struct fleet_rules *rules, const struct objname *id)
{
	const struct service *service = store_find(s, id->ns, id->name);

	return service && service_asks_for(service, rules) ? service : NULL;
}

/* False: other Services may be concerned, too. */
static bool renew(struct fleet *f, const struct store *s, const struct fleet_rules *rules,
	const struct pools *pools, const struct objname *id)
{
	struct renewal r = {find_ours(s, rules, id), fleet_verdict(f, id->ns, id->name), NULL};

	if (!r.service && !r.before)
		return true;
	if (r.service)
		r.now = fleet_judge(r.service, rules, pools);
	if (!admit(f, &r) || concerns_others(f, s, &r)) {
		if (r.now)
			fleet_drop_verdict(r.now);
		return false;
	}
	serve(f, &r);
	replace_verdict(f, &r, id);
	if (r.before)
		fleet_drop_verdict(r.before);
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

struct fleet *fleet_next(const struct fleet *old, struct store *s, const struct fleet_rules *rules)
{
	CLEANUP(store_news_done) struct store_news news = store_take_news(s);
	struct pools pools;
	struct fleet *f;
	bool done = true;

	if (!old || news.all || old->is_full)
		return fleet_build(s, rules);
	if (!is_news(old, s, rules, &news))
		return NULL;
	f = copy_of(old);
	pools_init(&pools, rules->pools, rules->n_pools);
	for (size_t i = 0; i < news.n_services && done; i++)
		done = renew(f, s, rules, &pools, &news.services[i]);
	pools_done(&pools);
	if (done)
		return f;
	fleet_unref(f);
	return fleet_build(s, rules);
}
