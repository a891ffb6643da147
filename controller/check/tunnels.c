/* SPDX-License-Identifier: Apache-2.0 */
#include "check/tunnels.h"

#include "values/ipaddr.h"
#include "values/tunnel_set.h"

enum {
	OUTER_IPV4 = 20, /* bytes of the outer header */
	OUTER_IPV6 = 40,
	GUE = 8 + 4,     /* more, with UDP's */
	MIN_IPV6 = 1280, /* RFC 8200; IPVS drops all where a tunnel leaves less */
};

static const int families[TUNNELS_FAMILIES] = {AF_INET, AF_INET6};

static const char *kind_name(
	char ret_buf[static TUNNEL_KINDS_TEXT], const struct tunnels_facts *t, int family)
{
	return tunnel_kinds_format(ret_buf, tunnel_kind(t->encapsulation, family), ' ');
}

static unsigned overhead(const struct tunnels_facts *t, int family)
{
	return (family == AF_INET ? OUTER_IPV4 : OUTER_IPV6) +
	       (t->encapsulation == ENCAPSULATION_GUE ? GUE : 0U);
}

static void judge_size(struct findings *f, const struct tunnels_facts *t,
	const struct interface_fact *one, int family)
{
	unsigned more = overhead(t, family), left = one->mtu > more ? one->mtu - more : 0;
	char kind[TUNNEL_KINDS_TEXT];
	CLEANUP_FREE char *remedy = xasprintf("set an MTU of %u or more in the CNI plugin's "
					      "configuration, or kago.dev/forward: nat for "
					      "Services with IPv6",
		MIN_IPV6 + more);

	kind_name(kind, t, family);
	if (family == AF_INET6 && left < MIN_IPV6)
		findings_bad(f, FINDING_WARNING, "tunnels", remedy,
			"the MTU of %s, %u, leaves %u bytes in %s tunnels: with less than %u IPVS "
			"drops every packet",
			one->name, one->mtu, left, kind, MIN_IPV6);
	else
		findings_ok(f, "tunnels", "the MTU of %s, %u, leaves %u bytes in %s tunnels",
			one->name, one->mtu, left, kind);
}

static void judge_sizes(
	struct findings *f, const struct tunnels_facts *t, const struct network_facts *network)
{
	for (size_t i = 0; i < network->n_interfaces; i++) {
		const struct interface_fact *one = &network->interfaces[i];

		if (one->ipv4)
			judge_size(f, t, one, AF_INET);
		if (one->ipv6)
			judge_size(f, t, one, AF_INET6);
	}
}

static void judge_number(struct findings *f, const struct tunnels_facts *t)
{
	if (t->error)
		findings_bad(f, FINDING_WARNING, "tunnels",
			"check again; kubectl get leases -A -l kago.dev/fleet shows the same",
			"which nodes take tunnels is not known: %s", t->error);
	else if (t->known && t->n_nodes)
		findings_ok(f, "tunnels",
			t->n_nodes == 1 ? "%zu node takes tunnels" : "%zu nodes take tunnels",
			t->n_nodes);
	else if (t->known)
		findings_bad(f, FINDING_WARNING, "tunnels",
			t->from_leases
				? "run an agent on nodes with pods: agent.enabled: true in the "
				  "values of the chart"
				: "name the nodes with agents in the configuration: tunnel.nodes",
			"no node takes tunnels, so all pods are reached by NAT");
}

/* "node-1", or "node-1 and 2 more" */
static char *names_of(const struct some_nodes *nodes)
{
	return nodes->n == 1 ? xstrdup(nodes->first)
			     : xasprintf("%s and %zu more", nodes->first, nodes->n - 1);
}

static void judge_lacking(struct findings *f, const struct tunnels_facts *t, size_t i)
{
	static const char *const modules[][TUNNELS_FAMILIES] = {
		[ENCAPSULATION_IPIP] = {"ipip", "ip6_tunnel"},
		[ENCAPSULATION_GUE] = {"fou", "fou and ip6_tunnel"},
	};
	char kind[TUNNEL_KINDS_TEXT];
	CLEANUP_FREE char *names = NULL, *remedy = NULL;

	if (!t->lacking[i].n)
		return;
	names = names_of(&t->lacking[i]);
	remedy = xasprintf("load %s on it; the log of its agent says what the kernel refuses",
		modules[t->encapsulation][i]);
	findings_bad(f, FINDING_WARNING, "tunnels", remedy,
		"no %s tunnels on %s: pods there are reached by NAT",
		kind_name(kind, t, families[i]), names);
}

static void judge_agents(struct findings *f, const struct tunnels_facts *t)
{
	CLEANUP_FREE char *unable = t->unable.n ? names_of(&t->unable) : NULL;
	CLEANUP_FREE char *unlisted = t->unlisted.n ? names_of(&t->unlisted) : NULL;

	if (unable)
		findings_bad(f, FINDING_WARNING, "tunnels",
			"load ipip, nf_tables and nft_nat on it; the log of its agent says what "
			"the kernel refuses",
			"no tunnels at all on %s, says the agent: pods there are reached by NAT",
			unable);
	if (unlisted)
		findings_bad(f, FINDING_WARNING, "tunnels",
			"see that the agent runs and may renew its Lease; one that has just "
			"started is on the list within 20 s",
			"an agent on %s that is not on the leader's list: pods there are reached "
			"by NAT",
			unlisted);
}

void tunnels_judge(
	struct findings *f, const struct tunnels_facts *t, const struct network_facts *network)
{
	if (!t->wanted && !t->n_nodes && !t->unable.n && !t->unlisted.n)
		return;
	if (t->wanted)
		judge_sizes(f, t, network);
	judge_number(f, t);
	judge_lacking(f, t, TUNNELS_IPV4);
	if (network_has_ipv6(network))
		judge_lacking(f, t, TUNNELS_IPV6);
	judge_agents(f, t);
}

void tunnels_facts_done(struct tunnels_facts *t)
{
	free(t->error);
	for (size_t i = 0; i < TUNNELS_FAMILIES; i++)
		free(t->lacking[i].first);
	free(t->unable.first);
	free(t->unlisted.first);
}
