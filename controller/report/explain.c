/* SPDX-License-Identifier: Apache-2.0 */
#include "report/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address/pools.h"
#include "objects/objects.h"
#include "report/advice.h"
#include "report/answer.h"
#include "report/asks.h"
#include "report/choices.h"
#include "report/servers.h"
#include "values/place.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	jsonx_set(object, key, json_string(text));
}

static json_t *reasons(const char *const texts[], size_t n)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < n; i++)
		jsonx_append(array, json_string(texts[i]));
	return array;
}

static json_t *one_reason(char *text)
{
	json_t *array = reasons((const char *const *)&text, 1);

	free(text);
	return array;
}

/* All that can be why the store has no such Service. */
static json_t *why_unknown(const struct explain *x, const char *ns)
{
	static const char *const possible[] = {
		"there is no such Service, or it is not of type LoadBalancer",
		"its spec.loadBalancerClass names another load balancer, not kago.dev/FLEET",
		("it has the label service.kubernetes.io/service-proxy-name or "
		 "service.kubernetes.io/headless, or no address of the cluster (clusterIP: None)"),
	};

	if (*x->followed && strcmp(x->followed, ns) != 0)
		return one_reason(xasprintf(
			"only the namespace %s is followed (kubernetes.namespace)", x->followed));
	if (!x->synced)
		return one_reason(xstrdup("not all that exists has arrived yet"));
	return reasons(possible, sizeof possible / sizeof possible[0]);
}

static json_t *why_not_ours(const struct explain *x, const struct service *s)
{
	const char *by = s->class_fleet ? "spec.loadBalancerClass" : "kago.dev/fleet";
	const char *fleet = s->class_fleet ? s->class_fleet : s->annotation_fleet;

	if (fleet)
		return one_reason(xasprintf("it asks for the fleet %s (%s); this is the fleet %s",
			fleet, by, x->rules->fleet));
	if (s->unclaimed)
		return one_reason(xstrdup("it names neither spec.loadBalancerClass nor the "
					  "annotation kago.dev/fleet, and kubernetes.defaultClass "
					  "is off"));
	return one_reason(xstrdup("it asks for no fleet of kago any more; the leader takes what "
				  "kago wrote out of its status"));
}

static bool may_have(const struct explain *x, const struct pools *pools, const struct ipaddr *vip,
	const char *ns)
{
	return (pools->n_items == 0 && x->rules->addressing == ADDRESSING_ASKED) ||
	       pools_allow(pools, vip, ns);
}

static json_t *held_json(const struct explain *x, const struct service *s)
{
	json_t *array = jsonx_must(json_array());
	struct pools pools;

	pools_init(&pools, x->rules->pools, x->rules->n_pools);
	for (size_t i = 0; i < s->held.n_vips; i++) {
		const struct ipaddr *vip = &s->held.vips[i];
		const struct pool *pool = pools_of(&pools, vip);

		jsonx_append(array, json_pack("{s:o, s:s*, s:b}", "vip", answer_vip(vip), "pool",
					    pool ? pool->config->name : NULL, "allowed",
					    may_have(x, &pools, vip, s->id.ns)));
	}
	pools_done(&pools);
	return array;
}

static json_t *conditions_json(const struct held *h)
{
	json_t *object = jsonx_must(json_object());

	for (enum condition_type i = 0; i < N_CONDITIONS; i++) {
		char status = h->conditions[i].status;

		if (h->conditions[i].digest)
			set_text(object, condition_type_name(i),
				status == 'T'   ? "True"
				: status == 'F' ? "False"
						: "Unknown");
	}
	return object;
}

static json_t *assignment_json(const struct assignment *a)
{
	return jsonx_must(
		json_pack("{s:o, s:s*, s:s*, s:s*}", "vips", answer_vips(a->vips, a->n_vips),
			"pool", a->pool, "reason", reason_name(a->reason), "message", a->message));
}

static json_t *decision_json(const struct fleet_service *svc)
{
	return jsonx_must(json_pack("{s:s, s:s, s:s, s:o}", "outcome",
		snapshot_outcome_name(svc->outcome), "reason", reason_name(svc->reason), "message",
		svc->message, "vips", answer_vips(svc->vips, svc->n_vips)));
}

const struct virtual_server *explain_server(
	const struct fleet *f, const struct ipaddr *vip, const struct service_port *port)
{
	const struct place at = {*vip, port->protocol, port->port};

	return virtual_server_find(fleet_servers(f), f->n_servers, &at);
}

static void append_unserved(json_t *array, const struct fleet *f, const struct fleet_service *svc,
	const struct ipaddr *vip, const struct service_port *port)
{
	const struct virtual_server *vs = explain_server(f, vip, port);
	CLEANUP_FREE char *holder = NULL;

	if (vs && vs->ns == svc->ns && vs->name == svc->name)
		return;
	if (vs)
		holder = xasprintf("%s/%s", vs->ns, vs->name);
	jsonx_append(array,
		json_pack("{s:o, s:i, s:s, s:s*}", "vip", answer_vip(vip), "port", port->port,
			"protocol", place_protocol(port->protocol), "heldBy", holder));
}

/* Its VIPs and ports that have no virtual server of its own. */
static json_t *unserved_json(
	const struct fleet *f, const struct fleet_service *svc, const struct service *s)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < svc->n_vips; i++)
		for (size_t k = 0; k < s->n_ports; k++)
			append_unserved(array, f, svc, &svc->vips[i], &s->ports[k]);
	return array;
}

static json_t *endpoints_of(const struct service *s, int family)
{
	size_t n_slices = 0, n[] = {0, 0, 0};

	for (const struct slice *one = store_slices(s); one; one = one->next) {
		if (one->family != family)
			continue;
		n_slices++;
		for (size_t i = 0; i < one->n_endpoints; i++)
			n[one->endpoints[i].state]++;
	}
	return jsonx_must(json_pack("{s:s, s:o, s:o, s:o, s:o}", "family", wish_family_name(family),
		"slices", answer_count(n_slices), "ready", answer_count(n[ENDPOINT_READY]),
		"draining", answer_count(n[ENDPOINT_DRAINING]), "notReady",
		answer_count(n[ENDPOINT_NOT_READY])));
}

static json_t *endpoints_json(const struct service *s)
{
	json_t *array = jsonx_must(json_array());

	jsonx_append(array, endpoints_of(s, AF_INET));
	jsonx_append(array, endpoints_of(s, AF_INET6));
	return array;
}

/* What our sidecar announces that leads here. */
static json_t *prefixes_of(const struct explain *x, const struct ipaddr *vip)
{
	json_t *array = jsonx_must(json_array()), *item;
	size_t i;

	json_array_foreach(x->now->sidecar->announced, i, item)
		if (answer_prefix_has(item, vip))
			jsonx_append(array, json_incref(item));
	return array;
}

/* NULL where that is not known. */
static json_t *announcers_json(const struct explain *x, const struct ipaddr *vip)
{
	CLEANUP_FREE const char **names = NULL;
	size_t n;

	if (!x->announcers)
		return NULL;
	names = x->announcers(x->ud, vip, &n);
	return reasons(names, n);
}

static json_t *announced_json(const struct explain *x, const struct ipaddr vips[], size_t n_vips)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < n_vips; i++)
		jsonx_append(array, json_pack("{s:o, s:o, s:o*}", "vip", answer_vip(&vips[i]),
					    "prefixes", prefixes_of(x, &vips[i]), "announcers",
					    announcers_json(x, &vips[i])));
	return array;
}

static json_t *servers_json(const struct snapshot *s, const struct fleet_service *svc)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	servers_write(out, s, svc);
	if (fclose(out) != 0)
		mem_exhausted();
	return jsonx_must(json_loadb(text, len, 0, NULL));
}

static void add_decision(json_t *answer, const struct explain *x, const struct service *s,
	const struct fleet_service *svc)
{
	jsonx_set(answer, "decision", decision_json(svc));
	jsonx_set(answer, "virtualServers", servers_json(x->now, svc));
	jsonx_set(answer, "unserved", unserved_json(x->now->fleet, svc, s));
	jsonx_set(answer, "announced", announced_json(x, svc->vips, svc->n_vips));
	if (x->client.port)
		jsonx_set(answer, "choices", choices_json(x->now, svc, &x->client));
}

static void add_service(json_t *answer, const struct advice *a)
{
	jsonx_set(answer, "held", held_json(a->x, a->service));
	jsonx_set(answer, "conditions", conditions_json(&a->service->held));
	jsonx_set(answer, "endpoints", endpoints_json(a->service));
	if (a->assignment)
		jsonx_set(answer, "assignment", assignment_json(a->assignment));
	if (a->decision)
		add_decision(answer, a->x, a->service, a->decision);
}

/* What does not depend on the Service. */
static json_t *frame(const struct explain *x, const char *ns, const char *name)
{
	const struct snapshot *now = x->now;

	return jsonx_must(json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s*, s:s, s:b, s:o, s:o*}", "type", "explain",
		"namespace", ns, "name", name, "fleet", now->fleet_name, "mode",
		now->render_only ? "render-only" : "ipvs", "kernelReadable", now->kernel != NULL,
		"synced", x->synced, "followedNamespace", *x->followed ? x->followed : NULL,
		"addresses", x->rules->addressing == ADDRESSING_STATUS ? "status" : "asked",
		"sidecarConnected", now->n_sidecars > 0, "bgpSessions",
		answer_count(now->sidecar->sessions), "kubernetes", snapshot_cluster(now)));
}

static struct advice look_up(const struct explain *x, const char *ns, const char *name)
{
	const struct allocation *all = x->now->cluster.leads ? x->now->cluster.allocation : NULL;
	struct advice a = {
		.x = x, .ns = ns, .name = name, .service = store_find(x->store, ns, name)};

	a.ours = a.service && service_asks_for(a.service, x->rules);
	if (a.ours && all)
		a.assignment = allocation_find(all, ns, name);
	if (a.ours && x->now->fleet)
		a.decision = fleet_find(x->now->fleet, ns, name);
	return a;
}

json_t *explain_service(const struct explain *x, const char *ns, const char *name)
{
	struct advice a = look_up(x, ns, name);
	json_t *answer = frame(x, ns, name);
	CLEANUP_FREE char *advice = advice_for(&a);

	jsonx_set(answer, "known", json_boolean(a.service));
	jsonx_set(answer, "ours", json_boolean(a.ours));
	if (a.service)
		jsonx_set(answer, "asks", asks_json(a.service, x->rules));
	if (!a.service)
		jsonx_set(answer, "reasons", why_unknown(x, ns));
	else if (!a.ours)
		jsonx_set(answer, "reasons", why_not_ours(x, a.service));
	else
		add_service(answer, &a);
	if (advice)
		set_text(answer, "whatToDo", advice);
	return answer;
}
