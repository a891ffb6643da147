/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/exposition.h"
#include "values/dns.h"
#include "values/tunnel_set.h"

static const char *const families[METRICS_FAMILIES] = {"IPv4", "IPv6"};

static uint64_t device_of(const struct metrics_family *f)
{
	return f->sight.device;
}

static uint64_t table_of(const struct metrics_family *f)
{
	return f->sight.table;
}

static uint64_t pods_of(const struct metrics_family *f)
{
	return f->sight.n_pods;
}

static uint64_t entries_of(const struct metrics_family *f)
{
	return f->sight.n_entries;
}

static uint64_t received_of(const struct metrics_family *f)
{
	return f->sight.n_received;
}

static uint64_t refused_of(const struct metrics_family *f)
{
	return f->sight.n_refused;
}

static uint64_t dropped_of(const struct metrics_family *f)
{
	return f->sight.n_dropped;
}

static uint64_t wanted_of(const struct metrics_family *f)
{
	return f->stats.n_wanted;
}

static uint64_t changes_of(const struct metrics_family *f)
{
	return f->stats.n_changes;
}

static uint64_t repairs_of(const struct metrics_family *f)
{
	return f->stats.n_repairs;
}

static uint64_t failures_of(const struct metrics_family *f)
{
	return f->stats.n_failures;
}

static uint64_t fails_of(const struct metrics_family *f)
{
	return f->fails;
}

static uint64_t last_change_of(const struct metrics_family *f)
{
	return f->stats.last_change / 1000000;
}

struct of_family {
	const char *name, *type, *text;
	uint64_t (*value)(const struct metrics_family *f);
};

/* Read from the kernel, whoever put it there. */
static const struct of_family in_kernel[] = {
	{"kago_node_device_ready", "gauge", "Whether the tunnel device is as it should be.",
		device_of},
	{"kago_node_table_ready", "gauge", "Whether nftables has the whole table.", table_of},
	{"kago_node_pods", "gauge", "Pods in the kernel's table.", pods_of},
	{"kago_node_entries", "gauge", "Entries in the kernel's table.", entries_of},
	{"kago_node_received_packets_total", "counter", "Packets that came out of tunnels.",
		received_of},
	{"kago_node_refused_packets_total", "counter",
		"Packets tunnelled to pods by a sender that may not.", refused_of},
	{"kago_node_dropped_packets_total", "counter",
		"Packets that came out of tunnels and were for no entry.", dropped_of},
};

static const struct of_family of_agent[] = {
	{"kago_node_wanted_entries", "gauge", "Entries that the kernel shall have.", wanted_of},
	{"kago_node_changes_total", "counter", "Changes of the kernel's table.", changes_of},
	{"kago_node_repairs_total", "counter",
		"Times that somebody had changed the table, and it was made anew.", repairs_of},
	{"kago_node_failures_total", "counter", "Tries to write to the kernel that failed.",
		failures_of},
	{"kago_node_failing", "gauge", "Whether the last try failed.", fails_of},
	{"kago_node_last_change_timestamp_seconds", "gauge",
		"When the table was last written; 0: not yet.", last_change_of},
};

static void put_of_families(
	FILE *out, const struct metrics *m, const struct of_family list[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		exposition_help(out, list[i].name, list[i].type, list[i].text);
		for (size_t k = 0; k < METRICS_FAMILIES; k++)
			fprintf(out, "%s{family=\"%s\"} %" PRIu64 "\n", list[i].name, families[k],
				list[i].value(&m->families[k]));
	}
}

static void put_kernel(FILE *out, const struct metrics *m)
{
	exposition_plain(out, "kago_node_kernel_readable", "gauge",
		"Whether the kernel could be asked what it holds.", m->kernel_read);
	exposition_plain(out, "kago_node_ready", "gauge",
		"Whether the kernel has all that tunnels need.", m->kernel_read && m->kernel_ready);
	if (!m->kernel_read)
		return;
	put_of_families(out, m, in_kernel, sizeof in_kernel / sizeof in_kernel[0]);
	exposition_plain(out, "kago_node_onward_packets_total", "counter",
		"Packets that were sent on to another node.", m->families[0].sight.n_onward);
}

static void put_tunnels(FILE *out, unsigned kinds)
{
	exposition_help(out, "kago_node_tunnels", "gauge",
		"Whether this node takes tunnels of the kind, as its Lease says.");
	for (unsigned bit = 0; bit < TUNNEL_KINDS; bit++) {
		char text[TUNNEL_KINDS_TEXT];

		fprintf(out, "kago_node_tunnels{kind=\"%s\"} %d\n",
			tunnel_kinds_format(text, 1U << bit, ' '), (kinds >> bit & 1) != 0);
	}
}

static void put_cluster(FILE *out, const struct metrics *m)
{
	if (!m->in_cluster)
		return;
	exposition_plain(out, "kago_node_api_following", "gauge",
		"Whether Services, EndpointSlices and Leases can be followed.", m->following);
	if (m->lease_age == UINT64_MAX)
		return;
	exposition_help(out, "kago_node_lease_age_seconds", "gauge",
		"Time since the node's Lease was renewed; it is void after 40.");
	fprintf(out, "kago_node_lease_age_seconds %" PRIu64 ".%03" PRIu64 "\n",
		m->lease_age / 1000000, m->lease_age / 1000 % 1000);
}

/* What is no DNS name would need escaping. */
static void put_own(FILE *out, const struct metrics *m)
{
	exposition_help(out, "kago_node_build_info", "gauge", "The version, as a label.");
	fprintf(out, "kago_node_build_info{version=\"%s\",fleet=\"%s\",node=\"%s\"} 1\n",
		KAGO_VERSION, m->fleet, dns_subdomain_valid(m->node) ? m->node : "");
	exposition_plain(out, "kago_node_held", "gauge",
		"Whether this agent has the node, and no other one.", m->holds);
	exposition_plain(out, "kago_node_objects_rejected_total", "counter",
		"Objects that were wrong when they came.", m->n_objects_rejected);
	exposition_plain(out, "kago_node_source_problems_total", "counter",
		"Times the source could not read something.", m->n_source_problems);
	exposition_help(out, "kago_config_refused", "gauge",
		"Whether kago.yaml is wrong, so that the one before stands.");
	fprintf(out, "kago_config_refused{program=\"agent\"} %d\n", m->config_refused);
	exposition_plain(out, "kago_node_connections_to_forget", "gauge",
		"Entries that are gone, and whose connections are not yet.", m->n_to_forget);
	if (m->asks_nodes)
		exposition_plain(out, "kago_node_asking_works", "gauge",
			"Whether other nodes can be asked for a connection.", !m->second_fails);
}

void metrics_write(const struct metrics *m, FILE *out)
{
	put_own(out, m);
	put_tunnels(out, m->kinds);
	put_kernel(out, m);
	put_of_families(out, m, of_agent, sizeof of_agent / sizeof of_agent[0]);
	put_cluster(out, m);
}
