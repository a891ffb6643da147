/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/exposition.h"
#include "base/mem.h"
#include "report/alike.h"
#include "report/metrics.h"

static int vip_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* All VIPs of the fleet, sorted, those that are shared several times; the caller frees them. */
static struct ipaddr *all_vips(const struct fleet *f, size_t *ret_n)
{
	struct ipaddr *vips;
	size_t n = 0;

	for (size_t i = 0; f && i < f->n_services; i++)
		n += f->services[i]->n_vips;
	vips = xcalloc(n + 1, sizeof *vips);
	*ret_n = 0;
	for (size_t i = 0; f && i < f->n_services; i++)
		for (size_t k = 0; k < f->services[i]->n_vips; k++)
			vips[(*ret_n)++] = f->services[i]->vips[k];
	qsort(vips, n, sizeof *vips, vip_cmp);
	return vips;
}

static void put_pools(FILE *out, const struct snapshot *s)
{
	CLEANUP_FREE size_t *n_used = xcalloc(s->n_pools + 1, sizeof *n_used);
	CLEANUP_FREE struct ipaddr *vips = NULL;
	size_t n;

	vips = all_vips(s->fleet, &n);
	for (size_t i = 0; i < n; i++) {
		const struct config_pool *pool = config_pool_of(s->pools, s->n_pools, &vips[i]);

		if (pool && (i == 0 || !ipaddr_equal(&vips[i - 1], &vips[i])))
			n_used[pool - s->pools]++;
	}
	exposition_help(out, "kago_pool_addresses_in_use", "gauge", "VIPs of a pool in use.");
	for (size_t i = 0; i < s->n_pools; i++)
		fprintf(out, "kago_pool_addresses_in_use{pool=\"%s\"} %zu\n", s->pools[i].name,
			n_used[i]);
	exposition_help(out, "kago_pool_addresses", "gauge", "VIPs that a pool has.");
	for (size_t i = 0; i < s->n_pools; i++)
		fprintf(out, "kago_pool_addresses{pool=\"%s\"} %.0f\n", s->pools[i].name,
			config_pool_size(&s->pools[i]));
}

static void put_results(
	FILE *out, const char *name, const char *const results[], const uint64_t values[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s{result=\"%s\"} %" PRIu64 "\n", name, results[i], values[i]);
}

static void put_writes(FILE *out, const struct sender_stats *w)
{
	static const char *const results[] = {"written", "outdated", "refused", "failed"};
	const uint64_t values[] = {w->written, w->outdated, w->refused, w->failed};

	exposition_help(out, "kago_status_writes_total", "counter",
		"Status writes by what became of them.");
	put_results(out, "kago_status_writes_total", results, values, 4);
}

static void put_events(FILE *out, const struct events_stats *ev)
{
	static const char *const results[] = {"sent", "dropped", "failed"};
	const uint64_t values[] = {ev->sent, ev->dropped, ev->failed};

	exposition_help(out, "kago_events_total", "counter", "Events by what became of them.");
	put_results(out, "kago_events_total", results, values, 3);
}

void metrics_put_cluster(FILE *out, const struct snapshot *s)
{
	const struct cluster_state *c = &s->cluster;

	put_pools(out, s);
	if (!c->identity)
		return;
	exposition_plain(out, "kago_leader", "gauge", "Whether this load balancer leads its fleet.",
		c->leads);
	exposition_plain(out, "kago_api_following", "gauge",
		"Whether the API server can be followed.", c->lost_for == 0);
	exposition_plain(
		out, "kago_api_calls_total", "counter", "Calls to the API server.", c->kube.calls);
	exposition_plain(
		out, "kago_api_failures_total", "counter", "Those that failed.", c->kube.failures);
	exposition_plain(out, "kago_api_sent_bytes_total", "counter", "Bytes of bodies sent.",
		c->kube.bytes_sent);
	exposition_plain(out, "kago_api_received_bytes_total", "counter",
		"Bytes of bodies received, as they were on the wire.", c->kube.bytes_received);
	exposition_plain(out, "kago_status_writes_pending", "gauge",
		"Services whose status waits to be written.", c->publisher.pending);
	alike_metrics(out, s);
	put_writes(out, &c->publisher.writes);
	put_events(out, &c->events);
}
