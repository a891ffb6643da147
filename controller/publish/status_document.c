/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/status_document.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/timestamp.h"
#include "doc/jsonx.h"
#include "objects/port.h"
#include "publish/conditions.h"

/* Whether another Service is served there. */
static bool is_taken(
	const struct facts *f, const struct ipaddr *vip, const struct service_port *port)
{
	const struct place at = {*vip, port->protocol, port->port};
	const struct virtual_server *vs = NULL;

	if (f->fleet)
		vs = virtual_server_find(fleet_servers(f->fleet), f->fleet->n_servers, &at);
	return vs && (strcmp(vs->ns, f->service->id.ns) != 0 ||
			     strcmp(vs->name, f->service->id.name) != 0);
}

/* Why a port cannot be served, whatever its endpoints are. */
static enum reason port_fault(
	const struct facts *f, const struct ipaddr *vip, const struct service_port *port)
{
	const struct fleet_service *d = f->decision;

	if (d && d->outcome == FLEET_REJECTED)
		return d->reason;
	if (d && d->outcome == FLEET_CONFLICT && is_taken(f, vip, port))
		return REASON_CONFLICT;
	return REASON_NONE;
}

/* KEP-1435; an error of our own is "domain/Reason". */
static json_t *port_json(
	const struct facts *f, const struct ipaddr *vip, const struct service_port *port)
{
	json_t *json = jsonx_must(json_pack(
		"{s:i, s:s}", "port", port->port, "protocol", protocol_name(port->protocol)));
	enum reason fault = port_fault(f, vip, port);

	if (fault)
		jsonx_set(json, "error", json_sprintf("kago.dev/%s", reason_name(fault)));
	return json;
}

static json_t *vip_json(
	const struct facts *f, const struct status_features *features, const struct ipaddr *vip)
{
	char text[IPADDR_TEXT];
	json_t *json = jsonx_must(json_pack("{s:s}", "ip", ipaddr_format(text, vip))), *ports;

	if (features->ip_mode)
		jsonx_set(json, "ipMode", json_string("Proxy"));
	if (f->service->reason)
		return json;
	ports = jsonx_must(json_array());
	for (size_t i = 0; i < f->service->n_ports; i++)
		jsonx_append(ports, port_json(f, vip, &f->service->ports[i]));
	jsonx_set(json, "ports", ports);
	return json;
}

static json_t *ingress_json(
	const struct conditions *c, const struct facts *f, const struct status_features *features)
{
	json_t *ingress = jsonx_must(json_array());
	int first = f->service->wish.families[0];

	/* In the order of ipFamilies: clients of the API take the first for the main one. */
	for (int others = 0; others <= 1; others++)
		for (size_t i = 0; i < c->n_vips; i++)
			if ((c->vips[i].family != first) == others)
				jsonx_append(ingress, vip_json(f, features, &c->vips[i]));
	return ingress;
}

static json_t *time_json(int64_t usec)
{
	char text[TIMESTAMP_TEXT];

	return jsonx_must(json_string(timestamp_format(text, usec)));
}

/* Says in *ret_changed whether one differs from what the Service holds; else leaves it alone. */
static json_t *conditions_json(
	bool *ret_changed, const struct conditions *c, const struct service *s, int64_t now)
{
	json_t *list = jsonx_must(json_array());

	for (enum condition_type i = 0; i < N_CONDITIONS; i++) {
		const struct held_condition *held = &s->held.conditions[i];
		json_t *json = condition_json(c, i, s->generation);
		bool stays = held->status == c->items[i].status && held->since;

		if (held_condition_digest(json) != held->digest)
			*ret_changed = true;
		jsonx_set(json, "lastTransitionTime", time_json(stays ? held->since : now));
		jsonx_append(list, json);
	}
	return list;
}

static json_t *head_json(const char *ns, const char *name)
{
	return jsonx_must(json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
		"Service", "metadata", "name", name, "namespace", ns));
}

static json_t *status_json(
	const struct facts *f, const struct status_features *features, int64_t now)
{
	const struct held *held = &f->service->held;
	json_auto_t *ingress = NULL, *conditions = NULL;
	struct conditions c;
	bool changed = false;

	conditions_build(&c, f);
	ingress = ingress_json(&c, f, features);
	if ((c.n_vips ? held_ingress_digest(ingress) : 0) != held->ingress_digest)
		changed = true;
	conditions = conditions_json(&changed, &c, f->service, now);
	conditions_done(&c);
	if (!changed)
		return NULL;
	return jsonx_must(json_pack(
		"{s:{s:O}, s:O}", "loadBalancer", "ingress", ingress, "conditions", conditions));
}

/* Adds to the metadata what is known. */
static void add_known(json_t *document, const char *key, const char *value)
{
	if (value && *value)
		jsonx_set(json_object_get(document, "metadata"), key, json_string(value));
}

json_t *status_document(const struct facts *f, const struct status_features *features, int64_t now)
{
	const struct service *s = f->service;
	json_t *status = status_json(f, features, now), *document;

	if (!status)
		return NULL;
	document = head_json(s->id.ns, s->id.name);
	/* Without its uid a Service that is gone would be made anew, which fails with 422. */
	add_known(document, "uid", s->uid);
	add_known(document, "resourceVersion", s->resource_version);
	jsonx_set(document, "status", status);
	return document;
}

/* With a status of {} the server would go on to count us among its owners. */
json_t *status_document_clear(const char *ns, const char *name, const char *uid)
{
	json_t *document = head_json(ns, name);

	add_known(document, "uid", uid);
	return document;
}

uint64_t status_document_digest(const json_t *document)
{
	const json_t *status = json_object_get(document, "status"), *condition;
	uint64_t digest = held_ingress_digest(
		json_object_get(json_object_get(status, "loadBalancer"), "ingress"));
	size_t i;

	json_array_foreach(json_object_get(status, "conditions"), i, condition) {
		uint64_t one = held_condition_digest(condition);

		digest_add(&digest, &one, sizeof one);
	}
	return digest ? digest : 1;
}
