/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "decide/addressing.h"
#include "decide/admission.h"
#include "decide/claims.h"
#include "decide/endpoints.h"
#include "decide/report.h"
#include "objects/objects.h"

static struct virtual_server *new_server(const struct claim *c, const struct fleet_service *owner,
	struct real_server *reals, size_t n_reals)
{
	const struct policy *policy = &c->service->policy;
	struct virtual_server *vs = xnew0(struct virtual_server);

	*vs = (struct virtual_server){
		.ns = owner->ns,
		.name = owner->name,
		.vip = c->vip,
		.port = c->port->port,
		.protocol = c->port->protocol,
		.scheduler = policy->scheduler,
		.persistence = policy->persistence,
		.reals = reals,
		.n_reals = n_reals,
		.restricted = policy->sources.n_nets > 0,
		.n_refs = 1,
	};
	vs->sources = source_ranges_of(&vs->n_sources, &policy->sources, vs->vip.family);
	if (policy_check_type(policy, vs->protocol) == CHECK_NONE)
		return vs;
	vs->check = policy->check;
	if (vs->check.path)
		vs->check.path = xstrdup(vs->check.path);
	return vs;
}

/* NULL: it is not served, which the report says. */
static struct virtual_server *serve_claim(
	const struct claim *c, const struct fleet_service *owner, struct report *report)
{
	struct endpoints found;

	if (c->holder) {
		report_taken(report, c);
		return NULL;
	}
	endpoints_choose(&found, store_slices(c->service), c->port, c->vip.family);
	if (found.n_reals == 0) {
		report_unserved(report, c, &found);
		endpoints_done(&found);
		return NULL;
	}
	if (found.n_left_out)
		report_crowded(report, c, &found);
	report->n_servers++;
	report->n_reals += found.n_reals;
	return new_server(c, owner, steal(found.reals), found.n_reals);
}

static void serve(struct fleet *f, const struct service *const services[])
{
	CLEANUP_FREE struct report *reports = xcalloc(f->n_services, sizeof *reports);
	CLEANUP_FREE struct claim *claims = NULL;
	size_t n_claims;

	claims = claims_settle(&n_claims, services, f->services, f->n_services);
	f->servers = xcalloc(n_claims, sizeof(struct virtual_server *));
	for (size_t i = 0; i < n_claims; i++) {
		size_t k = claims[i].index;

		f->servers[f->n_servers] = serve_claim(&claims[i], f->services[k], &reports[k]);
		f->n_servers += f->servers[f->n_servers] != NULL;
	}
	for (size_t i = 0; i < f->n_services; i++)
		if (services[i])
			report_finish(&reports[i], f->services[i]);
}

static struct fleet_service *new_verdict(const struct objname *id)
{
	struct fleet_service *verdict = xnew0(struct fleet_service);

	verdict->ns = xstrdup(id->ns);
	verdict->name = xstrdup(id->name);
	verdict->n_refs = 1;
	return verdict;
}

/* Who is wrong or has no address becomes NULL in `services`. */
static void settle_addresses(
	struct fleet *f, const struct service *services[], const struct fleet_rules *rules)
{
	struct pools pools;

	pools_init(&pools, rules->pools, rules->n_pools);
	for (size_t i = 0; i < f->n_services; i++) {
		struct fleet_service *verdict = new_verdict(&services[i]->id);
		const struct service *s = services[i];

		f->services[i] = verdict;
		if (s->reason) {
			verdict->outcome = FLEET_REJECTED;
			verdict->reason = s->reason;
			verdict->message = xstrdup(s->message);
		} else {
			addressing_settle(verdict, s, rules, &pools);
		}
		if (verdict->reason)
			services[i] = NULL;
	}
	pools_done(&pools);
}

struct fleet *fleet_build(const struct store *s, const struct fleet_rules *rules)
{
	struct fleet *f = xnew0(struct fleet);
	CLEANUP_FREE const struct service **services = store_services(&f->n_services, s, rules);

	f->n_refs = 1;
	f->services = xcalloc(f->n_services, sizeof(struct fleet_service *));
	settle_addresses(f, services, rules);
	admission_check(f->services, services, f->n_services);
	for (size_t i = 0; i < f->n_services; i++) {
		f->n_wanted += f->services[i]->n_wanted;
		f->is_full |= admission_refused(f->services[i]);
	}
	serve(f, services);
	return f;
}

const struct virtual_server *const *fleet_servers(const struct fleet *f)
{
	const union {
		struct virtual_server *const *mine;
		const struct virtual_server *const *theirs;
	} servers = {.mine = f->servers};

	return servers.theirs;
}

static void drop_server(struct virtual_server *vs)
{
	if (--vs->n_refs > 0)
		return;
	free(vs->reals);
	free(vs->sources);
	free(vs->check.path);
	free(vs);
}

static void drop_verdict(struct fleet_service *verdict)
{
	if (--verdict->n_refs > 0)
		return;
	free(verdict->ns);
	free(verdict->name);
	free(verdict->message);
	free(verdict->complaint);
	free(verdict->vips);
	free(verdict);
}

struct fleet *fleet_ref(struct fleet *f)
{
	if (f)
		f->n_refs++;
	return f;
}

struct fleet *fleet_unref(struct fleet *f)
{
	if (!f || --f->n_refs > 0)
		return NULL;
	for (size_t i = 0; i < f->n_servers; i++)
		drop_server(f->servers[i]);
	free(f->servers);
	for (size_t i = 0; i < f->n_services; i++)
		drop_verdict(f->services[i]);
	free(f->services);
	free(f);
	return NULL;
}

/* The place of a Service; n_services if it is not of the fleet. */
static size_t place_of(const struct fleet *f, const char *ns, const char *name)
{
	size_t low = 0, high = f->n_services;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(f->services[middle]->ns, ns);

		order = order ? order : strcmp(f->services[middle]->name, name);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return f->n_services;
}

const struct fleet_service *fleet_find(const struct fleet *f, const char *ns, const char *name)
{
	size_t i = place_of(f, ns, name);

	return i < f->n_services ? f->services[i] : NULL;
}

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
		if (vs->ns == before->ns)
			drop_server(vs);
		else
			merged[n++] = vs;
	}
	while (j < n_new)
		merged[n++] = new[j++];
	free(f->servers);
	f->servers = merged;
	f->n_servers = n;
}

/* Decides one Service anew that has all the places it asks for. Takes `now` over. */
static void serve_again(struct fleet *f, struct fleet_service **slot, struct fleet_service *now,
	const struct service *service)
{
	struct fleet_service *before = *slot;
	CLEANUP_FREE struct virtual_server **servers = NULL;
	CLEANUP_FREE struct claim *claims = NULL;
	struct report report = {0};
	size_t n_claims, n = 0;

	claims = claims_settle(&n_claims, &service, &now, 1);
	servers = xcalloc(n_claims, sizeof(struct virtual_server *));
	for (size_t i = 0; i < n_claims; i++) {
		servers[n] = serve_claim(&claims[i], now, &report);
		n += servers[n] != NULL;
	}
	report_finish(&report, now);
	replace_servers(f, before, servers, n);
	drop_verdict(before);
	*slot = now;
}

/* False: other Services may be concerned, too. */
static bool renew(struct fleet *f, const struct store *s, const struct objname *id)
{
	size_t i = place_of(f, id->ns, id->name), n_wanted;
	const struct service *service = store_find(s, id->ns, id->name);
	struct fleet_service *before = i < f->n_services ? f->services[i] : NULL, *now;

	if (!service || !before || before->outcome == FLEET_REJECTED ||
		before->outcome == FLEET_PENDING)
		return true;
	n_wanted = admission_count(before, service);
	if (before->outcome == FLEET_CONFLICT || n_wanted > LIMIT_SERVICE_REALS ||
		f->n_wanted - before->n_wanted + n_wanted > LIMIT_FLEET_REALS)
		return false;
	now = new_verdict(id);
	now->vips = xcalloc(before->n_vips, sizeof *now->vips);
	memcpy(now->vips, before->vips, before->n_vips * sizeof *now->vips);
	now->n_vips = before->n_vips;
	now->n_wanted = n_wanted;
	f->n_wanted += n_wanted - before->n_wanted;
	serve_again(f, &f->services[i], now, service);
	return true;
}

static bool is_of(const struct fleet *f, const struct store_news *news)
{
	for (size_t i = 0; i < news->n_services; i++)
		if (fleet_find(f, news->services[i].ns, news->services[i].name))
			return true;
	return false;
}

struct fleet *fleet_next(const struct fleet *old, struct store *s, const struct fleet_rules *rules)
{
	CLEANUP(store_news_done) struct store_news news = store_take_news(s);
	struct fleet *f;
	bool done = true;

	if (!old || news.all || old->is_full)
		return fleet_build(s, rules);
	if (!is_of(old, &news))
		return NULL;
	f = copy_of(old);
	for (size_t i = 0; i < news.n_services && done; i++)
		done = renew(f, s, &news.services[i]);
	if (done)
		return f;
	fleet_unref(f);
	return fleet_build(s, rules);
}

struct place virtual_server_place(const struct virtual_server *vs)
{
	return (struct place){.vip = vs->vip, .protocol = vs->protocol, .port = vs->port};
}

int virtual_server_cmp(const struct virtual_server *a, const struct virtual_server *b)
{
	const struct place at = virtual_server_place(a), other = virtual_server_place(b);

	return place_cmp(&at, &other);
}

static int cmp_place(const void *key, const void *item)
{
	const struct place at = virtual_server_place(*(const struct virtual_server *const *)item);

	return place_cmp(key, &at);
}

const struct virtual_server *virtual_server_find(
	const struct virtual_server *const servers[], size_t n, const struct place *place)
{
	const struct virtual_server *const *found =
		n ? bsearch(place, servers, n, sizeof *servers, cmp_place) : NULL;

	return found ? *found : NULL;
}

static int cmp_real(const void *key, const void *item)
{
	const struct real_server *a = key, *b = item;
	int order = ipaddr_cmp(&a->addr, &b->addr);

	return order ? order : (a->port > b->port) - (a->port < b->port);
}

const struct real_server *virtual_server_real(
	const struct virtual_server *vs, const struct ipaddr *addr, uint16_t port)
{
	const struct real_server key = {.addr = *addr, .port = port};

	return vs->n_reals ? bsearch(&key, vs->reals, vs->n_reals, sizeof key, cmp_real) : NULL;
}
