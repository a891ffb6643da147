/* SPDX-License-Identifier: Apache-2.0 */
#include "report/asks.h"

#include "objects/wish.h"
#include "report/answer.h"
#include "values/place.h"

enum { SECOND = 1000000 };

static const char *claimed_by(const struct service *s, const struct fleet_rules *rules)
{
	if (s->class_fleet && s->annotation_fleet)
		return "spec.loadBalancerClass and kago.dev/fleet";
	if (s->class_fleet)
		return "spec.loadBalancerClass";
	if (s->annotation_fleet)
		return "kago.dev/fleet";
	return s->unclaimed && rules->default_class ? "kubernetes.defaultClass" : NULL;
}

/* Of two that it names, ours, if that is one of them. */
static const char *fleet_of(const struct service *s, const struct fleet_rules *rules)
{
	if (claimed_by(s, rules) && service_asks_for(s, rules) && !s->any_fleet)
		return rules->fleet;
	return s->class_fleet ? s->class_fleet : s->annotation_fleet;
}

static json_t *families_json(const struct wish *w)
{
	json_t *array = jsonx_must(json_array());

	for (unsigned i = 0; i < w->n_families; i++)
		jsonx_append(array, json_string(wish_family_name(w->families[i])));
	return array;
}

static json_t *addresses_json(const struct wish *w)
{
	json_t *families = w->n_vips ? NULL : families_json(w);

	return jsonx_must(json_pack("{s:o, s:s*, s:s*, s:o*, s:o*}", "vips",
		answer_vips(w->vips, w->n_vips), "pool", w->pool, "share", w->share, "families",
		families, "familiesNeeded", families ? answer_count(w->n_needed) : NULL));
}

static json_t *check_json(const struct policy *p)
{
	const struct health_check *c = &p->check;
	const char *type = health_check_types[c->type];

	if (c->type == CHECK_NONE)
		return jsonx_must(json_pack("{s:s}", "type", type));
	return jsonx_must(json_pack("{s:s, s:s*, s:s*, s:s*, s:o*, s:b, s:o, s:o}", "type", type,
		"path", c->path, "host", c->host, "codes", c->codes, "port",
		c->port ? answer_count(c->port) : NULL, "everyPort", p->check_every_port,
		"intervalSeconds", answer_count(c->interval / SECOND), "timeoutSeconds",
		answer_count(c->timeout / SECOND)));
}

static json_t *sources_json(const struct source_ranges *s)
{
	json_t *array = jsonx_must(json_array());
	char text[IPNET_TEXT];

	for (size_t i = 0; i < s->n_nets; i++)
		jsonx_append(array, json_string(ipnet_format(text, &s->nets[i])));
	return array;
}

static json_t *ports_json(const struct service *s)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < s->n_ports; i++) {
		const struct service_port *p = &s->ports[i];

		jsonx_append(
			array, json_pack("{s:s, s:i, s:s, s:o}", "name", p->name, "port", p->port,
				       "protocol", place_protocol(p->protocol), "targetPort",
				       p->target_name ? jsonx_must(json_string(p->target_name))
						      : answer_count(p->target_port)));
	}
	return array;
}

json_t *asks_json(const struct service *s, const struct fleet_rules *rules)
{
	json_t *asks = jsonx_must(json_pack(
		"{s:s*, s:s*}", "fleet", fleet_of(s, rules), "fleetBy", claimed_by(s, rules)));

	if (s->reason || s->n_ports == 0)
		return asks;
	jsonx_set(asks, "addresses", addresses_json(&s->wish));
	jsonx_set(asks, "ports", ports_json(s));
	jsonx_set(asks, "scheduler", json_string(scheduler_name(s->policy.scheduler)));
	jsonx_set(asks, "forward",
		json_string(service_is_tunnelled(s, rules) ? forward_method_name(FORWARD_TUNNEL)
							   : forward_method_name(FORWARD_NAT)));
	if (service_is_tunnelled(s, rules)) {
		jsonx_set(asks, "tunnel",
			json_string(encapsulation_name(service_forward(s, rules).encapsulation)));
		jsonx_set(asks, "tunnelTo", json_string(tunnel_to_name(s->policy.tunnel_to)));
	}
	jsonx_set(asks, "healthCheck", check_json(&s->policy));
	jsonx_set(asks, "sourceRanges", sources_json(&s->policy.sources));
	jsonx_set(asks, "affinitySeconds", answer_count(s->policy.persistence));
	return asks;
}
