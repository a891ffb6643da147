/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/addressing.h"
#include "model/admission.h"
#include "model/claims.h"
#include "model/endpoints.h"
#include "model/objects.h"
#include "model/report.h"

static void add_server(
	struct fleet *f, const struct claim *c, struct real_server *reals, size_t n_reals)
{
	const struct policy *policy = &c->service->policy;
	const struct fleet_service *owner = &f->services[c->index];
	struct virtual_server *vs = &f->servers[f->n_servers++];

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
	};
	vs->sources = sources_of(&vs->n_sources, &policy->sources, vs->vip.family);
	if (policy_check_type(policy, vs->protocol) == CHECK_NONE)
		return;
	vs->check = policy->check;
	if (vs->check.path)
		vs->check.path = xstrdup(vs->check.path);
}

static void serve_claim(struct fleet *f, const struct claim *c, struct report *report)
{
	struct endpoints found;

	if (c->holder) {
		report_taken(report, c);
		return;
	}
	endpoints_choose(&found, store_slices(c->service), c->port, c->vip.family);
	if (found.n_reals == 0) {
		report_unserved(report, c, &found);
		endpoints_done(&found);
		return;
	}
	if (found.n_left_out)
		report_crowded(report, c, &found);
	report->n_servers++;
	report->n_reals += found.n_reals;
	add_server(f, c, steal(found.reals), found.n_reals);
}

static void set_name(struct fleet_service *ret, const struct objname *id)
{
	ret->ns = xstrdup(id->ns);
	ret->name = xstrdup(id->name);
}

static void serve(struct fleet *f, const struct service *const services[])
{
	CLEANUP_FREE struct report *reports = xcalloc(f->n_services, sizeof *reports);
	CLEANUP_FREE struct claim *claims = NULL;
	size_t n_claims;

	claims = claims_settle(&n_claims, services, f->services, f->n_services);
	f->servers = xcalloc(n_claims, sizeof *f->servers);
	for (size_t i = 0; i < n_claims; i++)
		serve_claim(f, &claims[i], &reports[claims[i].index]);
	for (size_t i = 0; i < f->n_services; i++)
		if (services[i])
			report_finish(&reports[i], &f->services[i]);
}

/* Who is wrong or has no address becomes NULL in `services`. */
static void settle_addresses(
	struct fleet *f, const struct service *services[], const struct fleet_rules *rules)
{
	struct pools pools;

	pools_init(&pools, rules->pools, rules->n_pools);
	for (size_t i = 0; i < f->n_services; i++) {
		struct fleet_service *verdict = &f->services[i];
		const struct service *s = services[i];

		set_name(verdict, &s->id);
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

	f->services = xcalloc(f->n_services, sizeof *f->services);
	settle_addresses(f, services, rules);
	admission_check(f->services, services, f->n_services);
	serve(f, services);
	return f;
}

const struct virtual_server **fleet_servers(const struct fleet *f)
{
	const struct virtual_server **servers = xcalloc(f->n_servers, sizeof *servers);

	for (size_t i = 0; i < f->n_servers; i++)
		servers[i] = &f->servers[i];
	return servers;
}

struct fleet *fleet_free(struct fleet *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->n_servers; i++) {
		free(f->servers[i].reals);
		free(f->servers[i].sources);
		free(f->servers[i].check.path);
	}
	free(f->servers);
	for (size_t i = 0; i < f->n_services; i++) {
		free(f->services[i].ns);
		free(f->services[i].name);
		free(f->services[i].message);
		free(f->services[i].vips);
	}
	free(f->services);
	free(f);
	return NULL;
}

uint64_t health_check_time(const struct health_check *check)
{
	enum { TRIES = 2, PAUSE = 1000 * 1000 };

	return check->type == CHECK_NONE ? 0 : TRIES * (check->timeout + PAUSE) + PAUSE;
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
