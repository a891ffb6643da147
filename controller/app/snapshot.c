/* SPDX-License-Identifier: Apache-2.0 */
#include "app/snapshot.h"

#include <string.h>

#include "base/mem.h"
#include "dataplane/verify.h"

bool snapshot_is_ready(const struct snapshot *s)
{
	struct apply_status st = apply_status(s->apply);

	return st.ready && strcmp(st.last_result, "mismatch") != 0;
}

const char *snapshot_outcome_name(enum fleet_outcome outcome)
{
	static const char *const names[] = {
		[FLEET_SERVED] = "served",
		[FLEET_NO_ENDPOINTS] = "no_endpoints",
		[FLEET_CONFLICT] = "conflict",
		[FLEET_REJECTED] = "rejected",
		[FLEET_PENDING] = "pending",
	};

	return names[outcome];
}

const char *snapshot_real_state(const struct real_server *wanted, const struct ipvs_dest *there)
{
	if (!there)
		return "missing";
	if (there->weight > 0)
		return "up";
	return wanted->weight == 0 ? "draining" : "down";
}

/* jansson copies what it is given; a failure here is lack of memory. */
static json_t *must(json_t *value)
{
	if (!value)
		mem_exhausted();
	return value;
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		mem_exhausted();
}

static json_t *count_of(uint64_t n)
{
	return must(json_integer((json_int_t)n));
}

static json_t *real_json(const struct real_server *real, const struct ipvs_dest *there)
{
	char addr[IPADDR_TEXT];

	return must(json_pack("{s:s, s:i, s:i, s:o, s:s, s:o, s:o, s:o}", "address",
		ipaddr_format(addr, &real->addr), "port", real->port, "wantedWeight",
		(int)real->weight, "weight", there ? count_of(there->weight) : must(json_null()),
		"state", snapshot_real_state(real, there), "activeConnections",
		count_of(there ? there->active_conns : 0), "inactiveConnections",
		count_of(there ? there->inactive_conns : 0), "connections",
		count_of(there ? there->conns : 0)));
}

static json_t *reals_json(const struct virtual_server *vs, const struct ipvs_service *there)
{
	json_t *array = must(json_array());

	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];

		append(array,
			real_json(real,
				there ? ipvs_service_find(there, &real->addr, real->port) : NULL));
	}
	return array;
}

static json_t *server_json(const struct snapshot *s, const struct virtual_server *vs)
{
	const struct ipvs_service *there =
		s->kernel ? ipvs_table_find(s->kernel, &vs->vip, vs->protocol, vs->port) : NULL;
	const char *complaint = apply_complaint(s->apply, vs);
	char vip[IPADDR_TEXT];

	return must(json_pack("{s:s, s:i, s:s, s:s, s:b, s:s*, s:o, s:o, s:o, s:o}", "vip",
		ipaddr_format(vip, &vs->vip), "port", vs->port, "protocol",
		verify_protocol_name(vs->protocol), "scheduler", scheduler_name(vs->scheduler),
		"inKernel", there != NULL, "refusedByKeepalived", complaint, "connections",
		count_of(there ? there->conns : 0), "bytesIn",
		count_of(there ? there->in_bytes : 0), "bytesOut",
		count_of(there ? there->out_bytes : 0), "realServers", reals_json(vs, there)));
}

static json_t *servers_json(const struct snapshot *s, const struct fleet_service *svc)
{
	json_t *array = must(json_array());

	for (size_t i = 0; i < s->fleet->n_servers; i++) {
		const struct virtual_server *vs = &s->fleet->servers[i];

		if (vs->ns == svc->ns && vs->name == svc->name)
			append(array, server_json(s, vs));
	}
	return array;
}

static json_t *vips_json(const struct fleet_service *svc)
{
	json_t *array = must(json_array());
	char text[IPADDR_TEXT];

	for (size_t i = 0; i < svc->n_vips; i++)
		append(array, must(json_string(ipaddr_format(text, &svc->vips[i]))));
	return array;
}

static json_t *services_json(const struct snapshot *s)
{
	json_t *array = must(json_array());

	for (size_t i = 0; s->fleet && i < s->fleet->n_services; i++) {
		const struct fleet_service *svc = &s->fleet->services[i];

		append(array,
			must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "namespace", svc->ns,
				"name", svc->name, "outcome", snapshot_outcome_name(svc->outcome),
				"reason", svc->reason, "message", svc->message, "vips",
				vips_json(svc), "virtualServers", servers_json(s, svc))));
	}
	return array;
}

static json_t *apply_json(const struct apply_status *st)
{
	return must(json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "result",
		st->last_result, "error", st->last_error, "kernelHoldsIt", st->settled,
		"appliedAtUnixMs", count_of(st->last_applied_at / 1000), "eventToKernelUs",
		count_of(st->last_event_to_kernel), "applied", count_of(st->n_applied), "unchanged",
		count_of(st->n_unchanged), "refused", count_of(st->n_refused), "mismatches",
		count_of(st->n_mismatches)));
}

static json_t *sidecar_json(const struct snapshot *s)
{
	json_t *announced = s->announced ? json_deep_copy(s->announced) : json_array();

	return must(json_pack(
		"{s:b, s:o}", "connected", s->n_sidecars > 0, "announced", must(announced)));
}

json_t *snapshot_status(const struct snapshot *s)
{
	struct apply_status st = apply_status(s->apply);

	return must(json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:{s:b, s:o}, s:o, s:o}", "type",
		"status", "version", KAGO_VERSION, "fleet", s->fleet_name, "ready",
		snapshot_is_ready(s), "kernelReadable", s->kernel != NULL, "lastReload",
		apply_json(&st), "keepalived", "up", st.keepalived_up, "starts",
		count_of(st.keepalived_starts), "sidecar", sidecar_json(s), "services",
		services_json(s)));
}
