/* SPDX-License-Identifier: Apache-2.0 */
#include "report/snapshot.h"

#include <string.h>

#include "base/mem.h"
#include "base/place.h"
#include "base/sorted.h"
#include "report/answer.h"

static const char *why_not_announced(const struct snapshot *s)
{
	if (s->n_peers == 0 || s->render_only)
		return NULL;
	if (s->n_sidecars == 0)
		return "the sidecar is not connected";
	if (s->sidecar->sessions == 0)
		return "no BGP session is up";
	return s->sidecar->complete ? NULL : "not all that can be served is announced";
}

const char *snapshot_why_not_ready(const struct snapshot *s)
{
	struct apply_status st = apply_status(s->apply);

	if (!st.ready || st.n_applied + st.n_unchanged == 0 ||
		strcmp(st.last_result, "mismatch") == 0)
		return "what was asked for is not in place";
	if (*st.keepalived.unknown)
		return s->render_only ? "keepalived.conf cannot be written"
				      : "health checks are not those of the newest decision";
	return why_not_announced(s);
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

static json_t *real_json(const struct real_server *real, const struct ipvs_dest *there)
{
	char addr[IPADDR_TEXT];

	return jsonx_must(json_pack("{s:s, s:i, s:i, s:o, s:s, s:o, s:o, s:o}", "address",
		ipaddr_format(addr, &real->addr), "port", real->port, "wantedWeight",
		(int)real->weight, "weight",
		there ? answer_count(there->weight) : jsonx_must(json_null()), "state",
		snapshot_real_state(real, there), "activeConnections",
		answer_count(there ? there->active_conns : 0), "inactiveConnections",
		answer_count(there ? there->inactive_conns : 0), "connections",
		answer_count(there ? there->conns : 0)));
}

static json_t *reals_json(const struct virtual_server *vs, const struct ipvs_service *there)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];

		jsonx_append(array,
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

	return jsonx_must(json_pack("{s:s, s:i, s:s, s:s, s:b, s:s*, s:o, s:o, s:o, s:o}", "vip",
		ipaddr_format(vip, &vs->vip), "port", vs->port, "protocol",
		place_protocol(vs->protocol), "scheduler", scheduler_name(vs->scheduler),
		"inKernel", there != NULL, "refusedByKeepalived", complaint, "connections",
		answer_count(there ? there->conns : 0), "bytesIn",
		answer_count(there ? there->in_bytes : 0), "bytesOut",
		answer_count(there ? there->out_bytes : 0), "realServers", reals_json(vs, there)));
}

static int cmp_vip(const void *vip, const void *item)
{
	const struct virtual_server *const *vs = item;

	return ipaddr_cmp(vip, &(*vs)->vip);
}

/* Where the virtual servers of a VIP begin. */
static size_t first_at(const struct fleet *f, const struct ipaddr *vip)
{
	return sorted_place(vip, f->servers, f->n_servers, sizeof *f->servers, cmp_vip);
}

static void append_servers_at(json_t *array, const struct snapshot *s,
	const struct fleet_service *svc, const struct ipaddr *vip)
{
	const struct fleet *f = s->fleet;

	for (size_t i = first_at(f, vip);
		i < f->n_servers && ipaddr_equal(&f->servers[i]->vip, vip); i++)
		if (f->servers[i]->ns == svc->ns && f->servers[i]->name == svc->name)
			jsonx_append(array, server_json(s, f->servers[i]));
}

json_t *snapshot_servers(const struct snapshot *s, const struct fleet_service *svc)
{
	json_t *array = jsonx_must(json_array());

	for (size_t k = 0; k < svc->n_vips; k++)
		append_servers_at(array, s, svc, &svc->vips[k]);
	return array;
}

static json_t *services_json(const struct snapshot *s)
{
	json_t *array = jsonx_must(json_array());

	for (size_t i = 0; s->fleet && i < s->fleet->n_services; i++) {
		const struct fleet_service *svc = s->fleet->services[i];

		jsonx_append(array, jsonx_must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}",
					    "namespace", svc->ns, "name", svc->name, "outcome",
					    snapshot_outcome_name(svc->outcome), "reason",
					    reason_name(svc->reason), "message", svc->message,
					    "vips", answer_vips(svc->vips, svc->n_vips),
					    "virtualServers", snapshot_servers(s, svc))));
	}
	return array;
}

static json_t *apply_json(const struct apply_status *st)
{
	return jsonx_must(json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "result",
		st->last_result, "error", st->last_error, "kernelHoldsIt", st->settled,
		"appliedAtUnixMs", answer_count(st->last_applied_at / 1000), "eventToKernelUs",
		answer_count(st->last_event_to_kernel), "applied", answer_count(st->n_applied),
		"unchanged", answer_count(st->n_unchanged), "mismatches",
		answer_count(st->n_mismatches), "operations", answer_count(st->n_operations),
		"down", answer_count(st->down)));
}

static json_t *keepalived_json(const struct upkeep_status *k)
{
	return jsonx_must(json_pack("{s:b, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "up", k->up,
		"starts", answer_count(k->n_starts), "file", k->state, "refusal", k->refusal,
		"unknown", k->unknown, "files", answer_count(k->n_files), "refused",
		answer_count(k->n_refused), "putOff", answer_count(k->n_unknown), "heldBack",
		answer_count(k->n_held_back)));
}

static json_t *sidecar_json(const struct snapshot *s)
{
	json_t *announced =
		s->sidecar->announced ? json_deep_copy(s->sidecar->announced) : json_array();

	return jsonx_must(json_pack("{s:b, s:o, s:o, s:o}", "connected", s->n_sidecars > 0,
		"bgpSessions", answer_count(s->sidecar->sessions), "bgpPeers",
		answer_count(s->sidecar->peers), "announced", jsonx_must(announced)));
}

json_t *snapshot_cluster(const struct snapshot *s)
{
	const struct cluster_state *c = &s->cluster;

	if (!c->identity)
		return NULL;
	return jsonx_must(json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "identity",
		c->identity, "leader", c->leader, "leads", c->leads, "following", c->lost_for == 0,
		"lostForMs", answer_count(c->lost_for / 1000), "writesPending",
		answer_count(c->publisher.pending), "writes",
		answer_count(c->publisher.writes.written), "bytesSent",
		answer_count(c->kube.bytes_sent), "bytesReceived",
		answer_count(c->kube.bytes_received)));
}

json_t *snapshot_status(const struct snapshot *s)
{
	struct apply_status st = apply_status(s->apply);
	json_t *cluster = snapshot_cluster(s);
	const char *why_not = snapshot_why_not_ready(s);

	return jsonx_must(
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*, s:b, s:o, s:o, s:o, s:o, s:o*}", "type",
			"status", "version", KAGO_VERSION, "fleet", s->fleet_name, "mode",
			s->render_only ? "render-only" : "ipvs", "ready", why_not == NULL,
			"whyNotReady", why_not, "kernelReadable", s->kernel != NULL, "lastChange",
			apply_json(&st), "keepalived", keepalived_json(&st.keepalived), "sidecar",
			sidecar_json(s), "services", services_json(s), "kubernetes", cluster));
}
