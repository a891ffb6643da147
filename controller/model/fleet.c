/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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
	};
	if (policy_check_type(policy, vs->protocol) == CHECK_NONE)
		return;
	vs->check = policy->check;
	if (vs->check.path)
		vs->check.path = xstrdup(vs->check.path);
}

static void serve_claim(
	struct fleet *f, const struct store *s, const struct claim *c, struct report *report)
{
	struct endpoints found;

	if (c->holder) {
		report_taken(report, c);
		return;
	}
	endpoints_choose(&found, store_slices(s, &c->service->id), c->port, c->vip.family);
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

static void set_vips(struct fleet_service *ret, const struct service *s)
{
	ret->n_vips = s->policy.n_vips;
	ret->vips = xcalloc(ret->n_vips, sizeof *ret->vips);
	memcpy(ret->vips, s->policy.vips, ret->n_vips * sizeof *ret->vips);
}

static void serve(struct fleet *f, const struct store *s, const struct service *const services[])
{
	CLEANUP_FREE struct report *reports = xcalloc(f->n_services, sizeof *reports);
	CLEANUP_FREE struct claim *claims = NULL;
	size_t n_claims;

	claims = claims_settle(&n_claims, services, f->n_services);
	f->servers = xcalloc(n_claims, sizeof *f->servers);
	for (size_t i = 0; i < n_claims; i++)
		serve_claim(f, s, &claims[i], &reports[claims[i].index]);
	for (size_t i = 0; i < f->n_services; i++)
		if (services[i]) {
			set_vips(&f->services[i], services[i]);
			report_finish(&reports[i], &f->services[i]);
		}
}

struct fleet *fleet_build(const struct store *s, const char *fleet_name)
{
	struct fleet *f = xnew0(struct fleet);
	CLEANUP_FREE const struct service **services =
		store_services(&f->n_services, s, fleet_name);

	f->services = xcalloc(f->n_services, sizeof *f->services);
	for (size_t i = 0; i < f->n_services; i++)
		set_name(&f->services[i], &services[i]->id);
	admission_check(f->services, services, f->n_services, s);
	serve(f, s, services);
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

int virtual_server_cmp(const struct virtual_server *a, const struct virtual_server *b)
{
	int order = ipaddr_cmp(&a->vip, &b->vip);

	if (!order)
		order = (int)a->protocol - (int)b->protocol;
	return order ? order : (int)a->port - (int)b->port;
}
