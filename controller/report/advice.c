/* SPDX-License-Identifier: Apache-2.0 */
#include "report/advice.h"

#include <string.h>

#include "base/mem.h"
#include "decide/routing.h"
#include "report/answer.h"
#include "values/place.h"

/* Nothing is known that is not known here yet. */
static char *advise_lost(const struct advice *a)
{
	const struct cluster_state *c = &a->x->now->cluster;

	if (c->identity && c->lost_for > 0)
		return xstrdup("the API server cannot be followed, what was known stands: the log "
			       "of this load balancer says why (source.problem)");
	if (!a->x->synced)
		return xstrdup("wait: not all that exists has arrived yet");
	return NULL;
}

/* It is known, and somebody else's. */
static char *advise_foreign(const struct advice *a)
{
	const struct service *s = a->service;
	const char *fleet = s->class_fleet ? s->class_fleet : s->annotation_fleet;

	if (fleet)
		return xasprintf("ask a load balancer of the fleet %s", fleet);
	return xasprintf("if it shall be served here, set spec.loadBalancerClass: kago.dev/%s",
		a->x->now->fleet_name);
}

static char *advise_stranger(const struct advice *a)
{
	char *advice;

	if (*a->x->followed && strcmp(a->x->followed, a->ns) != 0)
		return xasprintf("ask a load balancer that follows the namespace %s", a->ns);
	if (a->service)
		return advise_foreign(a);
	advice = advise_lost(a);
	if (advice)
		return advice;
	return xasprintf(
		"look what it asks for: kubectl get service %s -n %s -o yaml", a->name, a->ns);
}

static char *advise_undecided(const struct advice *a)
{
	char *advice;

	if (a->decision)
		return NULL;
	advice = advise_lost(a);
	return advice ? advice : xstrdup("wait a moment: nothing is decided yet");
}

static char *advise_rejected(const struct advice *a)
{
	const struct fleet_service *d = a->decision;

	if (d->outcome != FLEET_REJECTED)
		return NULL;
	if (d->reason == REASON_TOO_LARGE || d->reason == REASON_FLEET_FULL)
		return xstrdup("give it fewer endpoints, VIPs or ports, or another fleet");
	return xasprintf("correct the Service: %s", d->message);
}

/* Nothing is written to the API server. */
static char *advise_leaderless(const struct advice *a)
{
	const struct cluster_state *c = &a->x->now->cluster;

	if (c->identity && !*c->leader)
		return xasprintf("nobody leads the fleet, so nobody writes addresses and status: "
				 "the logs of its load balancers say why, and "
				 "kubectl get leases -A -l kago.dev/fleet=%s",
			a->x->now->fleet_name);
	return NULL;
}

/* It does not get what it asks for, if perhaps something else. */
static char *advise_assignment(const struct advice *a)
{
	if (!a->assignment || !a->assignment->message)
		return NULL;
	return xasprintf("correct the Service or the pools: %s", a->assignment->message);
}

static char *advise_pending(const struct advice *a)
{
	const struct cluster_state *c = &a->x->now->cluster;
	char *advice;

	if (a->decision->outcome != FLEET_PENDING)
		return NULL;
	advice = advise_lost(a);
	if (!advice)
		advice = advise_leaderless(a);
	if (advice)
		return advice;
	/* With the lease it leads, if not quite yet: what others wrote is read first. */
	if (c->identity && strcmp(c->leader, c->identity) != 0)
		return xasprintf("ask the leader: kubectl exec %s -c ipvs -- kago-controller "
				 "explain %s/%s",
			c->leader, a->ns, a->name);
	advice = advise_assignment(a);
	if (advice)
		return advice;
	return xstrdup("wait a moment: its address is being written; if that stays so, the log "
		       "says why (status.not_written)");
}

static bool is_its_own(const struct advice *a, const struct virtual_server *vs)
{
	return vs->ns == a->decision->ns && vs->name == a->decision->name;
}

/* Who has one of its VIPs and ports; NULL: nobody. */
static const struct virtual_server *find_rival(const struct advice *a)
{
	const struct fleet_service *d = a->decision;

	for (size_t i = 0; i < d->n_vips; i++)
		for (size_t k = 0; k < a->service->n_ports; k++) {
			const struct virtual_server *vs = explain_server(
				a->x->now->fleet, &d->vips[i], &a->service->ports[k]);

			if (vs && !is_its_own(a, vs))
				return vs;
		}
	return NULL;
}

static char *advise_conflict(const struct advice *a)
{
	const struct virtual_server *rival;

	if (a->decision->outcome != FLEET_CONFLICT)
		return NULL;
	rival = find_rival(a);
	if (rival)
		return xasprintf("give it or %s/%s another VIP or port", rival->ns, rival->name);
	return xstrdup("give it or the other one another VIP or port");
}

static char *advise_endpoints(const struct advice *a)
{
	if (a->decision->outcome != FLEET_NO_ENDPOINTS)
		return NULL;
	if (a->decision->reason == REASON_REFUSED_BY_KERNEL)
		return xstrdup("see what this node's kernel refuses, in the decision: an address "
			       "that no packet can be sent to, or a protocol that it has not got");
	if (a->decision->reason == REASON_ENDPOINTS_NOT_ALLOWED)
		return xstrdup("give it endpoints that it may have: the decision says which it may "
			       "not, and why (endpoints in kago.yaml)");
	return xasprintf("look at its pods: kubectl get endpointslices -n %s -l "
			 "kubernetes.io/service-name=%s",
		a->ns, a->name);
}

static bool all_down(const struct virtual_server *vs, const struct ipvs_service *there)
{
	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];
		const struct ipvs_dest *dest = ipvs_service_find(there, &real->addr, real->port);

		if (strcmp(snapshot_real_state(real, dest), "down") != 0)
			return false;
	}
	return vs->n_reals > 0;
}

static char *advise_server(const struct snapshot *now, const struct virtual_server *vs)
{
	const struct ipvs_service *there =
		ipvs_table_find(now->kernel, &vs->vip, vs->protocol, vs->port);

	if (apply_complaint(now->apply, vs))
		return xstrdup("look at the template (keepalived.template): what it makes of this "
			       "Service is refused by keepalived, so there are no health checks");
	if (!there)
		return xstrdup("see why the last change did not bring it into the kernel: "
			       "kago-controller status");
	if (all_down(vs, there))
		return xasprintf("port %u: all real servers fail their health check: see whether "
				 "kago.dev/health-check fits what the pods speak, and whether a "
				 "NetworkPolicy keeps the load balancers out",
			vs->port);
	return NULL;
}

static char *advise_kernel(const struct advice *a)
{
	const struct snapshot *now = a->x->now;
	const struct virtual_server *const *servers = fleet_servers(now->fleet);
	char *advice = NULL;

	if (now->render_only)
		return NULL;
	if (!now->kernel)
		return xstrdup("the kernel's IPVS cannot be read: the log of this load balancer "
			       "says why (ipvs.read_failed)");
	for (size_t i = 0; !advice && i < now->fleet->n_servers; i++)
		if (is_its_own(a, servers[i]))
			advice = advise_server(now, servers[i]);
	return advice;
}

static bool is_announced(const struct snapshot *now, const struct ipaddr *vip)
{
	const json_t *prefix;
	size_t i;

	json_array_foreach(now->sidecar->announced, i, prefix)
		if (answer_prefix_has(prefix, vip))
			return true;
	return false;
}

static char *advise_program(const struct snapshot *now, const struct fleet_service *d)
{
	char vip[IPADDR_TEXT];

	for (size_t i = 0; i < d->n_vips; i++)
		if (!is_announced(now, &d->vips[i]))
			return xasprintf(
				"%s is not announced by this load balancer: "
				"`kago-sidecar status` in the container exabgp has the "
				"last error of exec.program, if there was one, and its log "
				"the reason (vip.withheld, exec.failed)",
				ipaddr_format(vip, &d->vips[i]));
	return NULL;
}

static char *advise_announcing(const struct advice *a)
{
	const struct fleet_service *d = a->decision;
	const struct snapshot *now = a->x->now;
	char vip[IPADDR_TEXT];

	if (now->render_only || d->outcome != FLEET_SERVED)
		return NULL;
	if (now->n_sidecars == 0)
		return xstrdup("the sidecar is not there: look at the container exabgp");
	if (now->sidecar->suspended)
		return xasprintf("this load balancer has withdrawn all, because %s: "
				 "docs/troubleshooting.md says what to look at",
			now->sidecar->suspended);
	/* Another load balancer may have its share. */
	if (now->on_layer_2)
		return NULL;
	if (now->by_program)
		return advise_program(now, d);
	if (now->sidecar->sessions == 0)
		return xstrdup("this load balancer has no BGP session: the log of the container "
			       "exabgp says why (bgp.waiting, bgp.down, exabgp.log)");
	for (size_t i = 0; i < d->n_vips; i++)
		if (!is_announced(now, &d->vips[i]) && !routing_is_elsewhere(d, i, a->x->rules))
			return xasprintf("%s is not announced by this load balancer: the log of "
					 "the container exabgp says why (vip.withdrawn, "
					 "vip.refused, vip.diverted, vip.skipped, "
					 "route.failed)",
				ipaddr_format(vip, &d->vips[i]));
	return NULL;
}

char *advice_for(const struct advice *a)
{
	static char *(*const advisers[])(const struct advice *a) = {
		advise_undecided,
		advise_rejected,
		advise_pending,
		advise_conflict,
		advise_endpoints,
		advise_kernel,
		advise_announcing,
		advise_assignment,
		advise_lost,
		advise_leaderless,
	};
	char *advice = NULL;

	if (!a->ours)
		return advise_stranger(a);
	for (size_t i = 0; !advice && i < sizeof advisers / sizeof advisers[0]; i++)
		advice = advisers[i](a);
	return advice;
}
