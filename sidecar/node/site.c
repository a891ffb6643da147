/* SPDX-License-Identifier: Apache-2.0 */
#include "node/site.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/netlink.h"
#include "node/rt.h"

const struct ipaddr *dual_of(const struct dual *d, int family)
{
	const struct ipaddr *a = family == AF_INET ? &d->v4 : &d->v6;

	return a->family ? a : NULL;
}

static void dual_set(struct dual *d, const struct ipaddr *a)
{
	if (a->family == AF_INET)
		d->v4 = *a;
	else if (a->family == AF_INET6)
		d->v6 = *a;
}

static void log_address(const char *whose, const struct ipaddr *a, const char *how)
{
	char text[IPADDR_TEXT];

	log_info("address.found", LOG_STR("of", whose), LOG_STR("address", ipaddr_format(text, a)),
		LOG_STR("how", how));
}

/* Addresses of RFC 5737 and RFC 3849: nobody's, so only the default route leads there. */
static const char *const nowhere[] = {"192.0.2.1", "2001:db8::1"};

/* Finds what is not configured, unless `s` is NULL; `why_not` says why one was not found. */
static void complete_dual(struct dual *d, const char *whose, struct nl_sock *s, struct err *why_not)
{
	for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
		struct ipaddr to, found = {0};

		if (ipaddr_parse(&to, nowhere[i], why_not) < 0)
			continue;
		if (dual_of(d, to.family)) {
			log_address(whose, dual_of(d, to.family), "configured");
		} else if (s && rt_source_to(&found, s, &to, why_not) == 0) {
			dual_set(d, &found);
			log_address(whose, &found, "source of the default route");
		} else {
			log_debug("address.absent", LOG_STR("of", whose), LOG_ERR(why_not),
				LOG_STR("family", to.family == AF_INET ? "ipv4" : "ipv6"));
		}
	}
}

static int find_pod(struct dual *pod, struct err *e)
{
	CLEANUP(netlink_closep) struct nl_sock *s = NULL;
	struct err why_not = {0};
	int r = netlink_open(&s, NETLINK_ROUTE, e);

	if (r < 0)
		return r;
	complete_dual(pod, "pod", s, &why_not);
	if (pod->v4.family || pod->v6.family)
		return 0;
	return err_set(
		e, ENOENT, "the pod's address is unknown: %s; set POD_IP or --pod-ip", why_not.msg);
}

static int find_node(struct dual *node, struct sockets *there, struct err *e)
{
	CLEANUP(netlink_closep) struct nl_sock *s = NULL;
	struct err why_not = {.msg = "node.netns is not set"};
	int r = 0;

	if (sockets_has(there, SOCKETS_SITE))
		r = netlink_adopt(&s, &there->fds[SOCKETS_SITE], NETLINK_ROUTE, e);
	if (r < 0)
		return r;
	complete_dual(node, "node", s, &why_not);
	if (node->v4.family || node->v6.family)
		return 0;
	return err_set(e, ENOENT, "the node's address is unknown: %s; set NODE_IP or --node-ip",
		why_not.msg);
}

/* RFC 6286: any non-zero value unique in the AS; FNV-1a spreads addresses of one prefix well. */
static struct ipaddr router_id_of(const struct dual *pod)
{
	uint32_t hash = 2166136261u;
	uint8_t bytes[4];

	if (pod->v4.family)
		return pod->v4;
	for (size_t i = 0; i < sizeof pod->v6.bytes; i++)
		hash = (uint32_t)(((uint64_t)(hash ^ pod->v6.bytes[i]) * 16777619u) & 0xffffffffu);
	hash |= 1;
	memcpy(bytes, &hash, sizeof bytes);
	return ipaddr_from_bytes(AF_INET, bytes);
}

int site_find(struct site *ret, const struct config *c, struct sockets *node, struct err *e)
{
	struct site p = {0};
	int r;

	dual_set(&p.pod, &c->node.pod_address);
	dual_set(&p.pod, &c->node.pod_address6);
	dual_set(&p.node, &c->node.node_address);
	dual_set(&p.node, &c->node.node_address6);
	r = find_pod(&p.pod, e);
	if (r == 0)
		r = find_node(&p.node, node, e);
	if (r < 0)
		return r;
	p.router_id = router_id_of(&p.pod);
	log_address("router-id", &p.router_id,
		p.pod.v4.family ? "the pod's address" : "a hash of the pod's IPv6 address");
	*ret = p;
	return 0;
}

const struct ipaddr *site_next_hop(const struct site *s, const struct config *c, int family)
{
	const struct config_next_hop *hop =
		family == AF_INET ? &c->bgp.next_hop.ipv4 : &c->bgp.next_hop.ipv6;

	if (hop->kind == CONFIG_HOP_FIXED)
		return &hop->address;
	return dual_of(hop->kind == CONFIG_HOP_POD ? &s->pod : &s->node, family);
}

const struct ipaddr *site_hop_to(
	const struct site *s, const struct config *c, const struct config_peer *peer, int family)
{
	return site_next_hop(s, c, peer->extended_next_hop ? AF_INET6 : family);
}

struct route_rules site_route_rules(const struct site *s, const struct config *c,
	const struct config_peer *peers, size_t n_peers)
{
	return (struct route_rules){
		.next_hop4 = site_next_hop(s, c, AF_INET),
		.next_hop6 = site_next_hop(s, c, AF_INET6),
		.peers = peers,
		.n_peers = n_peers,
	};
}
