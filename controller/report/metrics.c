/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/exposition.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "report/metrics.h"
#include "values/place.h"

static void seconds(FILE *out, const char *name, uint64_t usec)
{
	fprintf(out, "%s %" PRIu64 ".%06" PRIu64 "\n", name, usec / 1000000, usec % 1000000);
}

static void put_apply(FILE *out, const struct apply_status *st)
{
	exposition_help(out, "kago_reloads_total", "counter",
		"Decided configurations by what became of them.");
	fprintf(out,
		"kago_reloads_total{result=\"applied\"} %" PRIu64 "\n"
		"kago_reloads_total{result=\"unchanged\"} %" PRIu64 "\n"
		"kago_reloads_total{result=\"refused\"} %" PRIu64 "\n",
		st->n_applied, st->n_unchanged, st->keepalived.n_refused);
	exposition_plain(out, "kago_config_tests_total", "counter",
		"keepalived --config-test runs.", st->keepalived.n_config_tests);
	exposition_plain(out, "kago_keepalived_file_put_off_total", "counter",
		"Times keepalived's file could not be tested or written, and was put off.",
		st->keepalived.n_unknown);
	exposition_plain(out, "kago_keepalived_file_behind", "gauge",
		"Whether keepalived's file is older than the newest decision, for such a reason.",
		*st->keepalived.unknown != '\0');
	exposition_plain(out, "kago_ipvs_operations_total", "counter",
		"Changes of single services and real servers in IPVS.", st->n_operations);
	exposition_plain(out, "kago_kernel_mismatches_total", "counter",
		"Times the kernel did not hold what nobody had asked to change.", st->n_mismatches);
	exposition_plain(out, "kago_keepalived_starts_total", "counter", "Starts of keepalived.",
		st->keepalived.n_starts);
	exposition_plain(out, "kago_keepalived_up", "gauge",
		"Whether keepalived runs and has read its file.", st->keepalived.up);
	exposition_help(out, "kago_event_to_kernel_seconds", "summary",
		"Time from a change of an object to the kernel holding it.");
	seconds(out, "kago_event_to_kernel_seconds_sum", st->sum_event_to_kernel);
	fprintf(out, "kago_event_to_kernel_seconds_count %" PRIu64 "\n", st->n_applied);
	exposition_help(
		out, "kago_last_event_to_kernel_seconds", "gauge", "The same, of the last change.");
	seconds(out, "kago_last_event_to_kernel_seconds", st->last_event_to_kernel);
	exposition_help(out, "kago_last_applied_timestamp_seconds", "gauge",
		"When the kernel last changed.");
	seconds(out, "kago_last_applied_timestamp_seconds", st->last_applied_at);
}

static void put_services(FILE *out, const struct snapshot *s)
{
	uint64_t n[FLEET_PENDING + 1] = {0};

	for (size_t i = 0; s->fleet && i < s->fleet->n_services; i++)
		n[s->fleet->services[i]->outcome]++;
	exposition_help(out, "kago_services", "gauge", "Services of this fleet by outcome.");
	for (int outcome = FLEET_SERVED; outcome <= FLEET_PENDING; outcome++)
		fprintf(out, "kago_services{outcome=\"%s\"} %" PRIu64 "\n",
			snapshot_outcome_name((enum fleet_outcome)outcome), n[outcome]);
}

static const struct ipvs_service *in_kernel(
	const struct snapshot *s, const struct virtual_server *vs)
{
	return s->kernel ? ipvs_table_find(s->kernel, &vs->vip, vs->protocol, vs->port) : NULL;
}

void metrics_labels(FILE *out, const char *name, const struct virtual_server *vs)
{
	char vip[IPADDR_TEXT];

	/* Names were checked to be DNS names: nothing in them needs escaping. */
	fprintf(out, "%s{namespace=\"%s\",service=\"%s\",vip=\"%s\",port=\"%u\",protocol=\"%s\"",
		name, vs->ns, vs->name, ipaddr_format(vip, &vs->vip), vs->port,
		place_protocol(vs->protocol));
}

static void put_counter(
	FILE *out, const struct snapshot *s, const char *name, const char *text, size_t offset)
{
	exposition_help(out, name, "counter", text);
	for (size_t i = 0; s->fleet && i < s->fleet->n_servers; i++) {
		const struct virtual_server *vs = s->fleet->servers[i];
		const struct ipvs_service *there = in_kernel(s, vs);
		uint64_t value;

		if (!there)
			continue;
		memcpy(&value, (const char *)there + offset, sizeof value);
		metrics_labels(out, name, vs);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static size_t count_state(const struct virtual_server *vs, const struct ipvs_service *there,
	enum forward_method method, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->n_reals; i++) {
		const struct real_server *real = &vs->reals[i];
		const struct ipvs_dest *dest =
			there ? ipvs_service_find(there, &real->addr, real->port) : NULL;

		n += real->forward.method == method &&
		     strcmp(snapshot_real_state(real, dest), state) == 0;
	}
	return n;
}

static bool has_method(const struct virtual_server *vs, enum forward_method method)
{
	for (size_t i = 0; i < vs->n_reals; i++)
		if (vs->reals[i].forward.method == method)
			return true;
	return false;
}

static void put_real_servers_of(FILE *out, const struct snapshot *s,
	const struct virtual_server *vs, enum forward_method method)
{
	static const char *const states[] = {"up", "draining", "down", "missing"};

	for (size_t k = 0; k < sizeof states / sizeof states[0]; k++) {
		metrics_labels(out, "kago_real_servers", vs);
		fprintf(out, ",forward=\"%s\",state=\"%s\"} %zu\n", forward_method_name(method),
			states[k], count_state(vs, in_kernel(s, vs), method, states[k]));
	}
}

static void put_real_servers(FILE *out, const struct snapshot *s)
{
	exposition_help(out, "kago_real_servers", "gauge",
		"Real servers by how they are reached and what the kernel holds of them.");
	for (size_t i = 0; s->fleet && i < s->fleet->n_servers; i++) {
		const struct virtual_server *vs = s->fleet->servers[i];

		for (enum forward_method m = FORWARD_NAT; m <= FORWARD_TUNNEL; m++)
			if (has_method(vs, m))
				put_real_servers_of(out, s, vs, m);
	}
}

/*
 * The sidecar's word, of which nothing is printed that is no address or number. `part`: the key is
 * in this part of what is said of a peer, which not all have; NULL: of the peer itself.
 */
static void put_of_peers(
	FILE *out, const struct snapshot *s, const char *name, const char *part, const char *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach(s->sidecar->bgp, i, item) {
		const char *text = json_string_value(json_object_get(item, "peer"));
		const json_t *about = part ? json_object_get(item, part) : item;
		const json_t *value = json_object_get(about, key);
		struct ipaddr peer;
		struct err unused = {0};
		char addr[IPADDR_TEXT];

		if (about && ipaddr_parse(&peer, text ? text : "", &unused) == 0)
			fprintf(out, "%s{peer=\"%s\"} %lld\n", name, ipaddr_format(addr, &peer),
				json_is_true(value) ? 1LL : (long long)json_integer_value(value));
	}
}

static void put_bgp(FILE *out, const struct snapshot *s)
{
	static const char *const metrics[][4] = {
		{"kago_bgp_session_up", "gauge", "up", "Whether the BGP session is up."},
		{"kago_bgp_routes", "gauge", "routes", "Routes that the BGP peer hears."},
		{"kago_bgp_session_changes_total", "counter", "changes",
			"Times the BGP session came up or went down."},
	};

	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
		exposition_help(out, metrics[i][0], metrics[i][1], metrics[i][3]);
		put_of_peers(out, s, metrics[i][0], NULL, metrics[i][2]);
	}
	exposition_help(out, "kago_bfd_session_up", "gauge", "Whether the BFD session is up.");
	put_of_peers(out, s, "kago_bfd_session_up", "bfd", "up");
}

static void put_own(FILE *out, const struct snapshot *s)
{
	exposition_help(out, "kago_build_info", "gauge", "The version, as a label.");
	fprintf(out, "kago_build_info{version=\"%s\"} 1\n", KAGO_VERSION);
	exposition_plain(out, "kago_ready", "gauge", "Whether /readyz says yes.",
		snapshot_why_not_ready(s) == NULL);
	exposition_plain(out, "kago_objects_rejected_total", "counter",
		"Objects that were wrong when they came.", s->n_objects_rejected);
	exposition_plain(out, "kago_source_problems_total", "counter",
		"Times the source could not read something.", s->n_source_problems);
	exposition_plain(out, "kago_sidecar_connected", "gauge",
		"Whether the sidecar is connected.", s->n_sidecars > 0);
	exposition_plain(out, "kago_bgp_peers", "gauge", "BGP sessions that there should be.",
		s->sidecar->peers);
	exposition_plain(out, "kago_bgp_sessions", "gauge", "BGP sessions that are up.",
		s->sidecar->sessions);
	exposition_plain(out, "kago_announced_prefixes", "gauge",
		"Prefixes that the sidecar announces.", json_array_size(s->sidecar->announced));
	exposition_plain(out, "kago_announcing_suspended", "gauge",
		"Whether all is withdrawn because a part is broken.",
		s->sidecar->suspended != NULL);
	put_bgp(out, s);
	metrics_put_announce(out, s);
}

static void put_loop(FILE *out)
{
	static const char name[] = "kago_loop_stall_seconds";
	static const char longest[] = "kago_loop_longest_stall_seconds";
	const struct loop_holds holds = loop_holds();
	uint64_t n = 0;

	exposition_help(out, name, "histogram",
		"How long single events held the program, so that everything else waited.");
	for (size_t i = 0; i < LOOP_HOLD_CLASSES; i++) {
		uint64_t limit = holds.classes[i].limit;

		n += holds.classes[i].n;
		if (limit == UINT64_MAX)
			fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, n);
		else
			fprintf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
				(double)limit / 1e6, n);
	}
	seconds(out, "kago_loop_stall_seconds_sum", holds.sum);
	fprintf(out, "%s_count %" PRIu64 "\n", name, n);
	exposition_help(out, longest, "gauge", "The longest of these, and what it was about.");
	fprintf(out, "%s{by=\"%s\"} %g\n", longest, holds.longest.what ? holds.longest.what : "",
		(double)holds.longest.took / 1e6);
}

void snapshot_metrics(const struct snapshot *s, FILE *out)
{
	struct apply_status st = apply_status(s->apply);

	put_own(out, s);
	put_loop(out);
	metrics_put_cluster(out, s);
	put_services(out, s);
	put_apply(out, &st);
	put_real_servers(out, s);
	metrics_put_tunnels(out, s);
	put_counter(out, s, "kago_connections_total", "Connections by virtual server.",
		offsetof(struct ipvs_service, conns));
	put_counter(out, s, "kago_received_bytes_total", "Bytes from clients.",
		offsetof(struct ipvs_service, in_bytes));
	put_counter(out, s, "kago_sent_bytes_total", "Bytes to clients.",
		offsetof(struct ipvs_service, out_bytes));
	put_counter(out, s, "kago_received_packets_total", "Packets from clients.",
		offsetof(struct ipvs_service, in_packets));
	put_counter(out, s, "kago_sent_packets_total", "Packets to clients.",
		offsetof(struct ipvs_service, out_packets));
}
