/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sorted.h"
#include "decide/addressing.h"
#include "decide/admission.h"
#include "decide/claims.h"
#include "decide/endpoints.h"
#include "decide/fleet_parts.h"
#include "decide/refusals.h"
#include "decide/report.h"
#include "decide/routing.h"
#include "decide/succession.h"
#include "objects/objects.h"

void fleet_context_init(
	struct fleet_context *ret, const struct fleet_rules *rules, const struct store *store)
{
	*ret = (struct fleet_context){.rules = rules};
	pools_init(&ret->pools, rules->pools, rules->n_pools);
	permits_init(&ret->permits, rules, &ret->pools, store);
}

void fleet_context_done(struct fleet_context *c)
{
	permits_done(&c->permits);
	pools_done(&c->pools);
}

/* The one that a Service asks for, or the best that the kernel has in its place. */
static enum scheduler scheduler_of(const struct policy *policy, const struct refusals *refusals)
{
	static const enum scheduler others[] = {SCHEDULER_WLC, SCHEDULER_WRR, SCHEDULER_RR,
		SCHEDULER_LC, SCHEDULER_SH, SCHEDULER_MH};

	if (!refusals_scheduler(refusals, policy->scheduler))
		return policy->scheduler;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (!refusals_scheduler(refusals, others[i]))
			return others[i];
	return policy->scheduler;
}

/* Takes over the real servers. */
static struct virtual_server *new_server(const struct claim *c, const struct fleet_service *owner,
	enum scheduler scheduler, struct endpoints *found, uint64_t number)
{
	const struct policy *policy = &c->service->policy;
	struct virtual_server *vs = xnew0(struct virtual_server);

	*vs = (struct virtual_server){
		.ns = owner->ns,
		.name = owner->name,
		.vip = c->vip,
		.port = c->port->port,
		.protocol = c->port->protocol,
		.scheduler = scheduler,
		.persistence = policy->persistence,
		.reals = found->reals,
		.n_reals = found->n_reals,
		.tunnels = found->tunnels,
		.to = found->to,
		.n_plain = found->n_plain,
		.n_nodes = found->n_nodes,
		.restricted = policy->sources.n_nets > 0,
		.born = number,
	};
	found->reals = NULL;
	vs->sources = source_ranges_of(&vs->n_sources, &policy->sources, vs->vip.family);
	if (policy_check_type(policy, vs->protocol) == CHECK_NONE)
		return vs;
	health_check_copy(&vs->check, &policy->check);
	return vs;
}

static void report_endpoints(struct report *r, const struct claim *c, const struct endpoints *found)
{
	if (found->n_reals == 0)
		report_unserved(r, c, found);
	if (found->n_left_out)
		report_crowded(r, c, found);
	if (found->n_unusable)
		report_unusable(r, found);
	if (found->n_plain)
		report_plain(r, c, found);
	if (found->n_forbidden)
		report_forbidden(r, found);
	if (found->n_refused)
		report_refused_reals(r, found);
}

struct virtual_server *fleet_serve_claim(const struct claim *c, const struct fleet_service *owner,
	const struct fleet_context *context, struct report *report)
{
	const struct refusals *refusals = context->rules->refusals;
	const struct policy *policy = &c->service->policy;
	const struct refusal_of itself = {.place = {c->vip, c->port->protocol, c->port->port}};
	enum scheduler scheduler = scheduler_of(policy, refusals);
	struct endpoints found;
	int error = refusals_find(refusals, &itself, &c->service->id);

	if (c->holder) {
		report_taken(report, c);
		return NULL;
	}
	if (error) {
		report_refused(report, c, error);
		return NULL;
	}
	endpoints_choose(&found, c->service, c->port, &itself.place, &context->permits);
	report_endpoints(report, c, &found);
	if (found.n_reals == 0) {
		endpoints_done(&found);
		return NULL;
	}
	report_scheduler(report, policy, scheduler);
	report->n_servers++;
	report->n_reals += found.n_reals;
	return new_server(c, owner, scheduler, &found, context->number);
}

static void serve(struct fleet *f, const struct service *const services[],
	const struct fleet_context *context)
{
	CLEANUP_FREE struct report *reports = xcalloc(f->n_services, sizeof *reports);
	CLEANUP_FREE struct claim *claims = NULL;
	size_t n_claims;

	claims = claims_settle(&n_claims, services, f->services, f->n_services);
	f->servers = xcalloc(n_claims, sizeof(struct virtual_server *));
	for (size_t i = 0; i < n_claims; i++) {
		size_t k = claims[i].index;

		f->servers[f->n_servers] =
			fleet_serve_claim(&claims[i], f->services[k], context, &reports[k]);
		f->n_servers += f->servers[f->n_servers] != NULL;
	}
	for (size_t i = 0; i < f->n_services; i++)
		if (services[i])
			report_finish(&reports[i], f->services[i]);
}

struct fleet_service *fleet_judge(const struct service *s, const struct fleet_context *context)
{
	struct fleet_service *verdict = xnew0(struct fleet_service);

	verdict->ns = xstrdup(s->id.ns);
	verdict->name = xstrdup(s->id.name);
	verdict->born = context->number;
	if (s->reason) {
		verdict->outcome = FLEET_REJECTED;
		verdict->reason = s->reason;
		verdict->message = xstrdup(s->message);
	} else {
		addressing_settle(verdict, s, context->rules, &context->pools);
		routing_judge(verdict, s, context->rules);
	}
	return verdict;
}

/* Who is wrong or has no address becomes NULL in `services`. */
static void settle_addresses(
	struct fleet *f, const struct service *services[], const struct fleet_context *context)
{
	for (size_t i = 0; i < f->n_services; i++) {
		f->services[i] = fleet_judge(services[i], context);
		if (f->services[i]->reason)
			services[i] = NULL;
	}
}

bool fleet_is_without(const struct fleet_service *s)
{
	return s->outcome == FLEET_CONFLICT || s->outcome == FLEET_NO_ENDPOINTS || s->route_refused;
}

static void find_without(struct fleet *f)
{
	f->without = xcalloc(f->n_services, sizeof(struct fleet_service *));
	for (size_t i = 0; i < f->n_services; i++)
		if (fleet_is_without(f->services[i]))
			f->without[f->n_without++] = f->services[i];
}

struct fleet *fleet_build_after(
	const struct fleet *before, const struct store *s, const struct fleet_rules *rules)
{
	const struct admission by = {before, rules->per_namespace};
	struct fleet *f = xnew0(struct fleet);
	CLEANUP_FREE const struct service **services = store_services(&f->n_services, s, rules);
	struct fleet_context context;

	fleet_context_init(&context, rules, s);
	f->n_refs = 1;
	f->services = xcalloc(f->n_services, sizeof(struct fleet_service *));
	settle_addresses(f, services, &context);
	admission_check(f->services, services, f->n_services, &by);
	for (size_t i = 0; i < f->n_services; i++) {
		f->n_wanted += f->services[i]->n_wanted;
		f->n_sources += f->services[i]->n_sources;
		f->is_full |= admission_is_full(f->services[i]);
	}
	routing_settle(f->services, services, f->n_services);
	serve(f, services, &context);
	find_without(f);
	fleet_context_done(&context);
	return f;
}

struct fleet *fleet_build(const struct store *s, const struct fleet_rules *rules)
{
	return fleet_build_after(NULL, s, rules);
}

const struct virtual_server *const *fleet_servers(const struct fleet *f)
{
	const union {
		struct virtual_server *const *mine;
		const struct virtual_server *const *theirs;
	} servers = {.mine = f->servers};

	return servers.theirs;
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
	succession_end(f);
	return NULL;
}

struct fleet_id {
	const char *ns, *name;
};

static int cmp_service(const void *key, const void *item)
{
	const struct fleet_service *const *service = item;
	const struct fleet_id *id = key;
	int order = strcmp(id->ns, (*service)->ns);

	return order ? order : strcmp(id->name, (*service)->name);
}

size_t fleet_position(const struct fleet *f, const char *ns, const char *name)
{
	const struct fleet_id id = {ns, name};

	return sorted_place(&id, f->services, f->n_services, sizeof *f->services, cmp_service);
}

struct fleet_service *fleet_verdict(const struct fleet *f, const char *ns, const char *name)
{
	size_t i = fleet_position(f, ns, name);

	return i < f->n_services && strcmp(f->services[i]->ns, ns) == 0 &&
			       strcmp(f->services[i]->name, name) == 0
		       ? f->services[i]
		       : NULL;
}

const struct fleet_service *fleet_find(const struct fleet *f, const char *ns, const char *name)
{
	return fleet_verdict(f, ns, name);
}

bool virtual_server_tunnels(const struct virtual_server *vs)
{
	for (size_t i = 0; i < vs->n_reals; i++)
		if (vs->reals[i].forward.method == FORWARD_TUNNEL)
			return true;
	return false;
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
