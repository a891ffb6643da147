/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "base/exposition.h"
#include "report/metrics.h"
#include "values/tunnel_set.h"

/* Why real servers have no tunnel; one for each, so that an alert may heed one of them alone. */
static void put_reasons(FILE *out, const struct virtual_server *vs)
{
	bool sctp = vs->protocol == IPPROTO_SCTP, to_pods = vs->to == TUNNEL_TO_PODS;
	size_t others = sctp ? 0 : vs->n_plain - vs->n_nodes;
	const struct {
		const char *reason;
		size_t n;
	} all[] = {
		{"node", to_pods ? 0 : others},
		{"port", to_pods ? others : 0},
		{"address", vs->n_nodes},
		{"protocol", sctp ? vs->n_plain : 0},
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		metrics_labels(out, "kago_real_servers_not_tunnelled", vs);
		fprintf(out, ",reason=\"%s\"} %zu\n", all[i].reason, all[i].n);
	}
}

static size_t count(const struct tunnel_set *nodes, unsigned kind)
{
	size_t n = 0;

	for (size_t i = 0; i < nodes->nodes.n_items; i++)
		n += (nodes->kinds[i] & kind) != 0;
	return n;
}

static void put_nodes(FILE *out, const struct tunnel_set *nodes)
{
	char name[TUNNEL_KINDS_TEXT];

	exposition_help(out, "kago_tunnel_nodes", "gauge", "Nodes that take tunnels of a kind.");
	for (unsigned i = 0; i < TUNNEL_KINDS; i++)
		fprintf(out, "kago_tunnel_nodes{kind=\"%s\"} %zu\n",
			tunnel_kinds_format(name, 1U << i, ' '), count(nodes, 1U << i));
}

void metrics_put_tunnels(FILE *out, const struct snapshot *s)
{
	put_nodes(out, s->tunnel_nodes);
	exposition_help(out, "kago_real_servers_not_tunnelled", "gauge",
		"Real servers by NAT though tunnels are asked for, by the reason.");
	for (size_t i = 0; s->fleet && i < s->fleet->n_servers; i++)
		if (s->fleet->servers[i]->tunnels)
			put_reasons(out, s->fleet->servers[i]);
}
