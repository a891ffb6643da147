/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "doc/jsonx.h"
#include "objects/annotations.h"
#include "objects/port.h"
#include "values/dns.h"

static int decode_fleet(char **ret, const char *fleet, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (!dns_label_valid(fleet))
		return err_set(e, EINVAL,
			"%s is not the name of a fleet, a DNS label such as default",
			str_quote(quoted, fleet));
	*ret = xstrdup(fleet);
	return 0;
}

static int decode_class(
	struct service *s, const char **ret_class, const json_t *object, struct err *e)
{
	int r;

	r = jsonx_str(ret_class, object, "spec.loadBalancerClass", e);
	if (r < 0 || !str_has_prefix(*ret_class, KAGO_PREFIX))
		return r;
	r = decode_fleet(&s->class_fleet, *ret_class + strlen(KAGO_PREFIX), e);
	return r < 0 ? err_wrap(e, "spec.loadBalancerClass") : 0;
}

static int decode_annotation(struct service *s, const json_t *object, struct err *e)
{
	const char *fleet;
	int r;

	r = annotation_text(&fleet, object, KAGO_PREFIX "fleet", e);
	if (r < 0 || !fleet)
		return r;
	r = decode_fleet(&s->annotation_fleet, fleet, e);
	return r < 0 ? err_wrap(e, KAGO_PREFIX "fleet") : 0;
}

static int check_claim(const struct service *s, const char *class, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (!s->annotation_fleet || !*class)
		return 0;
	if (!s->class_fleet)
		return err_set(e, EINVAL,
			KAGO_PREFIX
			"fleet: asks for kago, but spec.loadBalancerClass %s for another "
			"load balancer; remove one of them",
			str_quote(quoted, class));
	if (strcmp(s->class_fleet, s->annotation_fleet) != 0)
		return err_set(e, EINVAL,
			KAGO_PREFIX "fleet: '%s' is not the fleet of spec.loadBalancerClass '%s'; "
				    "remove one of them",
			s->annotation_fleet, class);
	return 0;
}

static int check_type(const json_t *object, struct err *e)
{
	const char *type = "ClusterIP";
	char quoted[STR_QUOTED_SIZE];
	int r;

	r = jsonx_str(&type, object, "spec.type", e);
	if (r < 0)
		return r;
	if (strcmp(type, "LoadBalancer") != 0)
		return err_set(e, EINVAL,
			"spec.type: is %s; kago serves Services of type LoadBalancer",
			str_quote(quoted, type));
	return 0;
}

static int decode_created(int64_t *ret, const json_t *object, struct err *e)
{
	const char *text = NULL;
	int r;

	*ret = INT64_MAX;
	r = jsonx_str(&text, object, "metadata.creationTimestamp", e);
	if (r < 0 || !text)
		return r;
	r = timestamp_parse(ret, text, e);
	return r < 0 ? err_wrap(e, "metadata.creationTimestamp") : 0;
}

/* Absent, 0 or "", for which the API server puts the default: the same number as the port. */
static int decode_target(struct service_port *ret, const json_t *port, struct err *e)
{
	const json_t *target = json_object_get(port, "targetPort");
	char quoted[STR_QUOTED_SIZE];

	ret->target_port = ret->port;
	if ((json_is_integer(target) && json_integer_value(target) == 0) ||
		(json_is_string(target) && json_string_length(target) == 0))
		return 0;
	if (!json_is_string(target))
		return port_decode_number(&ret->target_port, port, "targetPort", e);
	if (!dns_label_valid(json_string_value(target)))
		return err_set(e, EINVAL,
			"targetPort: %s is neither a port number nor a port's name",
			str_quote(quoted, json_string_value(target)));
	ret->target_name = xstrdup(json_string_value(target));
	return 0;
}

static int decode_port(struct service_port *ret, const json_t *port, struct err *e)
{
	const char *name;
	int r;

	r = port_decode_name(&name, port, e);
	if (r < 0)
		return r;
	ret->name = xstrdup(name);
	r = port_decode_protocol(&ret->protocol, port, e);
	if (r < 0)
		return r;
	r = port_decode_number(&ret->port, port, "port", e);
	if (r < 0)
		return r;
	if (ret->port == 0)
		return err_set(e, EINVAL, "port: missing");
	return decode_target(ret, port, e);
}

static int check_port_is_new(
	const struct service *s, const struct service_port *port, struct err *e)
{
	for (const struct service_port *p = s->ports; p < port; p++) {
		if (p->port == port->port && p->protocol == port->protocol)
			return err_set(e, EINVAL, "port: %s %u is there twice",
				protocol_name(port->protocol), port->port);
		if (strcmp(p->name, port->name) == 0)
			return err_set(e, EINVAL, "name: '%s' is there twice", port->name);
	}
	return 0;
}

static int decode_ports(
	struct service *s, enum reason *ret_reason, const json_t *object, struct err *e)
{
	json_t *list = NULL;
	const json_t *item;
	size_t i;
	int r;

	r = jsonx_array(&list, object, "spec.ports", e);
	if (r < 0)
		return r;
	if (json_array_size(list) == 0)
		return err_set(e, EINVAL, "spec.ports: there is no port to serve");
	if (json_array_size(list) > LIMIT_SERVICE_PORTS) {
		*ret_reason = REASON_TOO_LARGE;
		return err_set(e, EINVAL, "spec.ports: %zu ports; a Service may have %d",
			json_array_size(list), LIMIT_SERVICE_PORTS);
	}
	s->n_ports = json_array_size(list);
	s->ports = xcalloc(s->n_ports, sizeof *s->ports);
	json_array_foreach(list, i, item) {
		r = decode_port(&s->ports[i], item, e);
		if (r >= 0)
			r = check_port_is_new(s, &s->ports[i], e);
		if (r < 0)
			return err_wrap(e, "spec.ports[%zu]", i);
	}
	return 0;
}

static struct protocols protocols_of(const struct service *s)
{
	struct protocols has = {0};

	for (size_t i = 0; i < s->n_ports; i++) {
		has.tcp |= s->ports[i].protocol == IPPROTO_TCP;
		has.sctp |= s->ports[i].protocol == IPPROTO_SCTP;
	}
	return has;
}

/* Which fleets it asks for; in *ret_class the class as it stands there. */
static int decode_claim(struct service *s, enum reason *ret_reason, const char **ret_class,
	const json_t *object, struct err *e)
{
	int r;

	s->any_fleet = true;
	*ret_reason = REASON_INVALID_OBJECT;
	r = decode_class(s, ret_class, object, e);
	if (r < 0)
		return r;
	*ret_reason = REASON_INVALID_ANNOTATION;
	r = decode_annotation(s, object, e);
	if (r < 0)
		return r;
	s->any_fleet = false;
	return 0;
}

static bool asks_for_some_fleet(const struct service *s)
{
	return s->any_fleet || s->class_fleet || s->annotation_fleet;
}

/* Nobody changes the port of what comes out of a pod's own tunnel. A port by name may be the same;
 * SCTP has no tunnels. */
static int check_targets(const struct service *s, struct err *e)
{
	for (size_t i = 0; i < s->n_ports && s->policy.tunnel_to == TUNNEL_TO_PODS; i++) {
		const struct service_port *p = &s->ports[i];

		if (p->protocol == IPPROTO_SCTP || p->target_name || p->target_port == p->port)
			continue;
		return err_set(e, EINVAL,
			"spec.ports[%zu].targetPort: is %u, but with " KAGO_PREFIX
			"tunnel-to: pods "
			"pods have to listen on the port itself, %u",
			i, p->target_port, p->port);
	}
	return 0;
}

static int decode_rest(
	struct service *s, enum reason *ret_reason, const json_t *object, struct err *e)
{
	int r;

	*ret_reason = REASON_INVALID_OBJECT;
	r = decode_created(&s->created, object, e);
	if (r < 0)
		return r;
	r = decode_ports(s, ret_reason, object, e);
	if (r < 0)
		return r;
	r = wish_parse(&s->wish, ret_reason, object, e);
	if (r < 0)
		return r;
	r = policy_parse(&s->policy, ret_reason, object, protocols_of(s), e);
	if (r < 0)
		return r;
	*ret_reason = REASON_INVALID_SPEC;
	return check_targets(s, e);
}

static int decode(struct service *s, enum reason *ret_reason, const json_t *object, struct err *e)
{
	const char *class = "";
	int r;

	r = decode_claim(s, ret_reason, &class, object, e);
	if (r < 0)
		return r;
	r = check_type(object, e);
	s->unclaimed = r == 0 && !*class && !s->annotation_fleet;
	if (!asks_for_some_fleet(s) && !s->unclaimed)
		return 0;
	*ret_reason = REASON_NOT_LOAD_BALANCER;
	if (r < 0)
		return r;
	*ret_reason = REASON_FLEET_MISMATCH;
	r = check_claim(s, class, e);
	if (r < 0)
		return r;
	return decode_rest(s, ret_reason, object, e);
}

/* Kubernetes' ways to say that a Service is not for those who serve Services, and one without an
 * address of the cluster. */
static bool is_for_others(const json_t *object)
{
	const char *cluster_ip = "";
	json_t *labels = NULL;
	struct err e = {0};

	jsonx_object(&labels, object, "metadata.labels", &e);
	jsonx_str(&cluster_ip, object, "spec.clusterIP", &e);
	return json_object_get(labels, "service.kubernetes.io/service-proxy-name") ||
	       json_object_get(labels, "service.kubernetes.io/headless") ||
	       strcmp(cluster_ip, "None") == 0;
}

/* What nobody but the API server writes, and who makes its slices; what cannot be read of it is
 * unknown. */
static void decode_metadata(struct service *s, const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec");
	const char *uid = "", *version = "";
	uint64_t generation = 0;
	struct err e = {0};

	jsonx_str(&uid, object, "metadata.uid", &e);
	jsonx_str(&version, object, "metadata.resourceVersion", &e);
	jsonx_u64(&generation, object, "metadata.generation", 0, INT64_MAX, &e);
	s->uid = xstrdup(uid);
	s->resource_version = xstrdup(version);
	s->generation = (int64_t)generation;
	s->has_selector = json_object_size(json_object_get(spec, "selector")) > 0;
}

void service_decode(struct service **ret, const struct objname *id, const json_t *object)
{
	CLEANUP(service_unrefp) struct service *s = service_ref(xnew0(struct service));
	enum reason reason;
	struct err e = {0};

	*ret = NULL;
	s->created = INT64_MAX;
	if (!is_for_others(object) && decode(s, &reason, object, &e) < 0) {
		/* Whoever put it need not hear of it, for it may be another load balancer's. */
		if (s->unclaimed && reason == REASON_INVALID_OBJECT)
			reason = REASON_INVALID_SPEC;
		s->reason = reason;
		s->message = xstrdup(e.msg);
	}
	held_decode(&s->held, object);
	if (!asks_for_some_fleet(s) && !s->unclaimed && !held_is_marked(&s->held))
		return;
	decode_metadata(s, object);
	objname_init(&s->id, id->ns, id->name);
	*ret = steal(s);
}

struct service *service_ref(struct service *s)
{
	s->n_refs++;
	return s;
}

struct service *service_unref(struct service *s)
{
	if (!s || --s->n_refs > 0)
		return NULL;
	objname_done(&s->id);
	free(s->uid);
	free(s->resource_version);
	held_done(&s->held);
	free(s->class_fleet);
	free(s->annotation_fleet);
	for (size_t i = 0; i < s->n_ports; i++) {
		free(s->ports[i].name);
		free(s->ports[i].former_name);
		free(s->ports[i].target_name);
	}
	free(s->ports);
	wish_done(&s->wish);
	policy_done(&s->policy);
	free(s->message);
	free(s);
	return NULL;
}

static bool port_equal(const struct service_port *a, const struct service_port *b)
{
	return str_equal(a->name, b->name) && str_equal(a->target_name, b->target_name) &&
	       a->target_port == b->target_port && a->port == b->port && a->protocol == b->protocol;
}

static bool claim_equal(const struct service *a, const struct service *b)
{
	return a->any_fleet == b->any_fleet && a->has_selector == b->has_selector &&
	       a->unclaimed == b->unclaimed && str_equal(a->class_fleet, b->class_fleet) &&
	       str_equal(a->annotation_fleet, b->annotation_fleet);
}

bool service_equal(const struct service *a, const struct service *b)
{
	if (a->created != b->created || a->generation != b->generation || !claim_equal(a, b) ||
		a->n_ports != b->n_ports || strcmp(a->uid, b->uid) != 0 || a->reason != b->reason ||
		!str_equal(a->message, b->message))
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (!port_equal(&a->ports[i], &b->ports[i]))
			return false;
	return held_equal(&a->held, &b->held) && wish_equal(&a->wish, &b->wish) &&
	       policy_equal(&a->policy, &b->policy);
}

/* The same port, whatever its name. Of a Service that is wrong some may have none. */
static const struct service_port *find_port(
	const struct service *s, const struct service_port *port)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct service_port *p = &s->ports[i];

		if (p->name && p->port == port->port && p->protocol == port->protocol &&
			p->target_port == port->target_port &&
			str_equal(p->target_name, port->target_name))
			return p;
	}
	return NULL;
}

static bool keep_name(struct service_port *now, const struct service_port *before)
{
	const char *name = before->former_name ? before->former_name : before->name;

	if (strcmp(name, now->name) == 0)
		return false;
	now->former_name = xstrdup(name);
	return true;
}

bool service_keep(struct service *now, const struct service *before)
{
	bool renamed = false;

	if (strcmp(now->uid, before->uid) != 0)
		return false;
	/* Of one that is no load balancer any more the API server takes the addresses away. */
	if (now->reason != REASON_NOT_LOAD_BALANCER)
		held_keep(&now->held, &before->held);
	for (size_t i = 0; i < now->n_ports; i++) {
		const struct service_port *port = find_port(before, &now->ports[i]);

		if (port && now->ports[i].name && keep_name(&now->ports[i], port))
			renamed = true;
	}
	return renamed;
}

bool service_forget_names(struct service *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_ports; i++) {
		any |= s->ports[i].former_name != NULL;
		free(s->ports[i].former_name);
		s->ports[i].former_name = NULL;
	}
	return any;
}

int service_cmp_seniority(const struct service *a, const struct service *b)
{
	int order = (a->created > b->created) - (a->created < b->created);

	return order ? order : objname_cmp(&a->id, &b->id);
}

bool service_asks_for(const struct service *s, const struct fleet_rules *rules)
{
	return s->any_fleet || str_equal(s->class_fleet, rules->fleet) ||
	       str_equal(s->annotation_fleet, rules->fleet) ||
	       (s->unclaimed && rules->default_class);
}

struct forward service_forward(const struct service *s, const struct fleet_rules *rules)
{
	const struct policy *p = &s->policy;
	enum encapsulation asked =
		p->encapsulation_is_asked ? p->encapsulation : rules->encapsulation;

	if ((p->forward_is_asked ? p->forward : rules->forward) == FORWARD_NAT)
		return (struct forward){.method = FORWARD_NAT};
	return (struct forward){
		FORWARD_TUNNEL, asked, asked == ENCAPSULATION_GUE ? rules->gue_port : (uint16_t)0};
}

bool service_is_tunnelled(const struct service *s, const struct fleet_rules *rules)
{
	return service_forward(s, rules).method == FORWARD_TUNNEL;
}

/* Pools are given to one fleet each. */
static bool has_address_of(const struct service *s, const struct fleet_rules *rules)
{
	for (size_t i = 0; i < s->held.n_vips; i++)
		if (config_pool_of(rules->pools, rules->n_pools, &s->held.vips[i]))
			return true;
	return false;
}

bool service_is_left(const struct service *s, const struct fleet_rules *rules)
{
	if (!held_is_marked(&s->held) || service_asks_for(s, rules))
		return false;
	return !asks_for_some_fleet(s) || has_address_of(s, rules);
}
