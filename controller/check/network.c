/* SPDX-License-Identifier: Apache-2.0 */
#include "check/network.h"

enum { MTU_IPV6 = 1280 /* RFC 8200 */ };

static void judge_interfaces(struct findings *f, const struct network_facts *n)
{
	if (n->n_interfaces == 0)
		findings_bad(f, FINDING_ERROR, "interfaces",
			"run it in the pod's network namespace, after the CNI plugin has made it",
			"no interface but the loopback is up and has an address");
}

/* Strict mode drops what comes in by another interface than answers would go out by. */
static void judge_rp_filter(struct findings *f, const struct network_facts *n)
{
	for (size_t i = 0; i < n->n_interfaces; i++) {
		const struct interface_fact *one = &n->interfaces[i];

		if (!one->ipv4)
			continue;
		if (one->rp_filter != RP_FILTER_STRICT)
			findings_ok(f, "rp_filter", "%s does not filter strictly", one->name);
		else if (n->n_interfaces == 1)
			findings_ok(f, "rp_filter",
				"%s filters strictly, which is fine: it is the only way in and out",
				one->name);
		else
			findings_bad(f, FINDING_WARNING, "rp_filter",
				"set net.ipv4.conf.IF.rp_filter to 2 for it and for all, unless "
				"routes to "
				"clients and pods are the way they come",
				"%s filters strictly, and there are %zu interfaces: what comes in "
				"by another "
				"one than its answer would take is dropped",
				one->name, n->n_interfaces);
	}
}

/* The kernel takes IPv6 away from an interface that is too small for it. */
static void judge_mtu(struct findings *f, const struct interface_fact *one)
{
	if (one->mtu < MTU_IPV6)
		findings_bad(f, FINDING_WARNING, "mtu",
			"set the MTU in the CNI plugin's configuration: that of the node's network "
			"less what its tunnels add",
			"%s has an MTU of %u; with less than %u there is no IPv6", one->name,
			one->mtu, MTU_IPV6);
	else
		findings_ok(f, "mtu", "%s has an MTU of %u", one->name, one->mtu);
}

static void judge_listen(
	struct findings *f, const char *key, const char *what, const struct listen_fact *l)
{
	CLEANUP_FREE char *remedy = xasprintf(
		"env POD_IP from fieldRef status.podIP, or an address of this pod in %s", key);

	if (l->error)
		findings_bad(f, FINDING_ERROR, key, remedy, "%s", l->error);
	else
		findings_ok(f, key, "%s served on %s", what, l->at);
}

static void judge_http(struct findings *f, const struct network_facts *n)
{
	if (*n->listen.at)
		judge_listen(f, "http.listen", "health and metrics are", &n->listen);
	else
		findings_ok(f, "http.listen", "health and metrics are served nowhere");
	/* Without it the other one has them. */
	if (*n->probes.at)
		judge_listen(f, "http.probes", "probes are", &n->probes);
}

void network_judge(struct findings *f, const struct network_facts *n)
{
	judge_interfaces(f, n);
	judge_rp_filter(f, n);
	for (size_t i = 0; i < n->n_interfaces; i++)
		judge_mtu(f, &n->interfaces[i]);
	judge_http(f, n);
}

bool network_has_ipv6(const struct network_facts *n)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		if (n->interfaces[i].ipv6)
			return true;
	return false;
}

void network_facts_done(struct network_facts *n)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		free(n->interfaces[i].name);
	free(n->interfaces);
	free(n->listen.at);
	free(n->listen.error);
	free(n->probes.at);
	free(n->probes.error);
}
