/* SPDX-License-Identifier: Apache-2.0 */
#include "report/snapshot.h"

#include <string.h>

#include "base/mem.h"
#include "report/alike.h"
#include "report/answer.h"
#include "report/servers.h"

static bool speaks_bgp(const struct snapshot *s)
{
	return !s->on_layer_2 && !s->by_program;
}

static const char *why_not_announced(const struct snapshot *s)
{
	if ((s->n_peers == 0 && speaks_bgp(s)) || s->render_only)
		return NULL;
	if (s->n_sidecars == 0)
		return "the sidecar is not connected";
	if (s->sidecar->waits)
		return "the sidecar waits for its sockets on the node: look at the container "
		       "node-sockets";
	if (s->sidecar->suspended)
		return "the sidecar has withdrawn all: a part is broken for longer than node.grace";
	if (s->sidecar->sessions == 0 && speaks_bgp(s))
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

/* NULL without IPVS. */
static json_t *timeouts_json(const struct timeouts_status *t)
{
	if (!t->trouble)
		return NULL;
	return jsonx_must(json_pack("{s:o, s:o, s:o, s:s}", "tcp", answer_count(t->held.tcp),
		"tcpFin", answer_count(t->held.tcp_fin), "udp", answer_count(t->held.udp), "error",
		t->trouble));
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
	json_t *bgp = json_is_array(s->sidecar->bgp) ? json_incref(s->sidecar->bgp) : json_array();
	json_t *json = jsonx_must(json_pack("{s:b, s:o, s:o, s:o, s:o, s:s*}", "connected",
		s->n_sidecars > 0, "bgpSessions", answer_count(s->sidecar->sessions), "bgpPeers",
		answer_count(s->sidecar->peers), "announced", jsonx_must(announced), "bgp",
		jsonx_must(bgp), "suspended", s->sidecar->suspended));

	if (s->sidecar->l2)
		jsonx_set(json, "l2", json_incref(s->sidecar->l2));
	if (s->sidecar->exec)
		jsonx_set(json, "exec", json_incref(s->sidecar->exec));
	if (s->sidecar->config)
		jsonx_set(json, "config", json_incref(s->sidecar->config));
	return json;
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

/* What comes before `services` where keys are sorted. */
static json_t *first_part(const struct snapshot *s)
{
	struct apply_status st = apply_status(s->apply);
	json_t *cluster = snapshot_cluster(s);

	return jsonx_must(json_pack("{s:s, s:o, s:b, s:o*, s:o, s:s, s:b}", "fleet", s->fleet_name,
		"keepalived", keepalived_json(&st.keepalived), "kernelReadable", s->kernel != NULL,
		"kubernetes", cluster, "lastChange", apply_json(&st), "mode",
		s->render_only ? "render-only" : "ipvs", "ready", !snapshot_why_not_ready(s)));
}

static json_t *last_part(const struct snapshot *s)
{
	const struct apply_status st = apply_status(s->apply);

	return jsonx_must(json_pack("{s:o, s:o*, s:o*, s:s, s:s, s:s*}", "sidecar", sidecar_json(s),
		"tables", alike_json(s), "timeoutsSeconds", timeouts_json(&st.timeouts), "type",
		"status", "version", KAGO_VERSION, "whyNotReady", snapshot_why_not_ready(s)));
}

void snapshot_write_status(const struct snapshot *s, FILE *out)
{
	const size_t members = JSON_EMBED | JSON_COMPACT | JSON_SORT_KEYS;
	json_auto_t *first = first_part(s), *last = last_part(s);

	fputc('{', out);
	json_dumpf(first, out, members);
	fputs(",\"services\":", out);
	servers_write_all(out, s);
	fputc(',', out);
	json_dumpf(last, out, members);
	fputc('}', out);
}
