/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/lease.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/timestamp.h"
#include "doc/jsonx.h"

enum { USEC = 1000000, DURATION_MAX = 3600 };

/* The value, or "". Labels and annotations have dots in their names, so no path leads to them. */
static const char *text_in(const json_t *texts, const char *key)
{
	const char *text = json_string_value(json_object_get(texts, key));

	return text ? text : "";
}

static int64_t time_of(const char *text)
{
	struct err e = {0};
	int64_t when = 0;

	if (text[0])
		timestamp_parse(&when, text, &e);
	return when;
}

static int decode_meta(struct lease *l, const json_t *object, struct err *e)
{
	json_t *labels = NULL, *annotations = NULL;
	int r = jsonx_need_str(&l->name, object, "metadata.name", e);

	if (r == 0)
		r = jsonx_need_str(&l->ns, object, "metadata.namespace", e);
	if (r == 0)
		r = jsonx_need_str(&l->resource_version, object, "metadata.resourceVersion", e);
	if (r == 0)
		r = jsonx_str(&l->uid, object, "metadata.uid", e);
	if (r == 0)
		r = jsonx_object(&labels, object, "metadata.labels", e);
	if (r == 0)
		r = jsonx_object(&annotations, object, "metadata.annotations", e);
	l->fleet = text_in(labels, LEASE_FLEET_LABEL);
	l->announces = text_in(annotations, LEASE_ANNOUNCES);
	l->announced_on = text_in(annotations, LEASE_ANNOUNCED_ON);
	l->tunnels = text_in(annotations, LEASE_TUNNELS);
	l->node = text_in(annotations, LEASE_NODE);
	l->tunnel_nodes = text_in(annotations, LEASE_TUNNEL_NODES);
	l->pod_ips = text_in(annotations, LEASE_POD_IPS);
	l->node_ips = text_in(annotations, LEASE_NODE_IPS);
	l->tables = text_in(annotations, LEASE_TABLES);
	return r;
}

static int decode_spec(struct lease *l, const json_t *object, struct err *e)
{
	const char *acquired = "", *renewed = "";
	uint64_t seconds = 0;
	int r = jsonx_str(&l->holder, object, "spec.holderIdentity", e);

	if (r == 0)
		r = jsonx_u64(&l->transitions, object, "spec.leaseTransitions", 0, INT32_MAX, e);
	if (r == 0)
		r = jsonx_str(&acquired, object, "spec.acquireTime", e);
	if (r == 0)
		r = jsonx_str(&renewed, object, "spec.renewTime", e);
	if (r == 0)
		r = jsonx_u64(&seconds, object, "spec.leaseDurationSeconds", 0, INT32_MAX, e);
	if (r < 0)
		return r;
	l->duration = seconds <= DURATION_MAX ? seconds * USEC : 0;
	l->acquired = time_of(acquired);
	l->renewed = time_of(renewed);
	return 0;
}

int lease_decode(struct lease *ret, const json_t *object, struct err *e)
{
	struct lease l = {.name = "", .uid = "", .resource_version = "", .holder = ""};
	int r = decode_meta(&l, object, e);

	if (r == 0)
		r = decode_spec(&l, object, e);
	if (r == 0)
		*ret = l;
	return r;
}

/* A MicroTime: "2026-01-31T08:15:00.000000Z". */
static json_t *micro_time(int64_t usec)
{
	char date[32], text[48];
	time_t seconds = (time_t)(usec / USEC);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof text, "%s.%06dZ", date, (int)(usec % USEC));
	return jsonx_must(json_string(text));
}

/* Unless there is no text for it. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		jsonx_set(object, key, json_string(text));
}

static json_t *build_meta(const struct lease *l)
{
	json_auto_t *annotations = jsonx_must(json_object());
	json_t *meta = jsonx_must(json_pack("{s:s, s:s, s:{s:s}}", "name", l->name, "namespace",
		l->ns, "labels", LEASE_FLEET_LABEL, l->fleet));

	set_text(json_object_get(meta, "labels"), LEASE_AGENT_LABEL, l->node ? "true" : NULL);
	set_text(annotations, LEASE_ANNOUNCES, l->announces);
	set_text(annotations, LEASE_ANNOUNCED_ON, l->announced_on);
	set_text(annotations, LEASE_TUNNELS, l->tunnels);
	set_text(annotations, LEASE_NODE, l->node);
	set_text(annotations, LEASE_TUNNEL_NODES, l->tunnel_nodes);
	set_text(annotations, LEASE_POD_IPS, l->pod_ips);
	set_text(annotations, LEASE_NODE_IPS, l->node_ips);
	set_text(annotations, LEASE_TABLES, l->tables);
	if (json_object_size(annotations))
		jsonx_set(meta, "annotations", json_incref(annotations));
	if (l->resource_version && l->resource_version[0])
		jsonx_set(meta, "resourceVersion", json_string(l->resource_version));
	return meta;
}

json_t *lease_build(const struct lease *l)
{
	json_t *spec = jsonx_must(json_pack("{s:I, s:I, s:o, s:o}", "leaseDurationSeconds",
		(json_int_t)(l->duration / USEC), "leaseTransitions", (json_int_t)l->transitions,
		"acquireTime", micro_time(l->acquired), "renewTime", micro_time(l->renewed)));

	if (l->holder && l->holder[0])
		jsonx_set(spec, "holderIdentity", json_string(l->holder));
	return jsonx_must(json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", LEASE_API_VERSION, "kind",
		"Lease", "metadata", build_meta(l), "spec", spec));
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' &&
	       (text[0] != '0' || text[1] == '\0');
}

bool lease_version_newer(const char *a, const char *b)
{
	size_t left = strlen(a), right = strlen(b);

	if (!is_number(a) || !is_number(b))
		return strcmp(a, b) != 0;
	return left != right ? left > right : strcmp(a, b) > 0;
}
