/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

#define AT(field) offsetof(struct config, field)
#define PEER_AT(field) offsetof(struct config_peer, field)
#define OTHER_PEER_AT(field) offsetof(struct config_other_peer, field)
#define POOL_AT(field) offsetof(struct config_pool, field)
#define MSEC(n) ((uint64_t)(n)*1000)
#define SEC(n) MSEC((n)*1000)
#define MIN(n) SEC((n)*60)
#define SHARE KAGO_DATADIR "/"
#define UNUSED SCHEMA_UNUSED
#define RESTART SCHEMA_AFTER_RESTART
#define LIVE SCHEMA_AT_ONCE

static const struct schema_key keys[] = {
	{"fleet", SCHEMA_LABEL, {RESTART, RESTART}, AT(fleet), 1, 0, "default",
		"The fleet this load balancer belongs to: it serves the Services of class "
		"`kago.dev/FLEET`."},

	{"log.level", SCHEMA_LEVEL, {LIVE, LIVE}, AT(log.level), 0, 0, "info",
		"The least level that is logged."},
	{"log.format", SCHEMA_FORMAT, {LIVE, LIVE}, AT(log.format), 0, 0, "logfmt",
		"How a line of the log looks."},

	{"http.listen", SCHEMA_LISTEN, {RESTART, UNUSED}, AT(http.listen), 0, 0, "127.0.0.1:9440",
		"Where the controller serves `/healthz`, `/readyz` and `/metrics`; `pod:9440` is "
		"the environment's `POD_IP`, or the first of its `POD_IPS`; empty: nowhere."},
	{"http.probes", SCHEMA_LISTEN, {RESTART, UNUSED}, AT(http.probes), 0, 0, "",
		"Where it serves `/healthz` and `/readyz` besides, out of reach of those who read "
		"metrics; empty: nowhere."},
	{"http.allow", SCHEMA_PREFIXES, {LIVE, UNUSED}, AT(http.allow), 0, LIMIT_HTTP_NETS, NULL,
		"The prefixes that clients of `http.listen` may come from, such as Prometheus'; "
		"none: any. `http.probes` is for everybody."},

	{"control.socket", SCHEMA_LABEL, {RESTART, RESTART}, AT(control.socket), 0, 0,
		"kago-controller",
		"The abstract name that the controller listens on for its sidecar and for "
		"`status`; "
		"another one for another controller in the same network namespace."},

	{"keepalived.program", SCHEMA_PATH, {RESTART, UNUSED}, AT(keepalived.program), 1, 0,
		"/usr/sbin/keepalived", "keepalived's executable."},
	{"keepalived.template", SCHEMA_PATH, {RESTART, UNUSED}, AT(keepalived.template_path), 1, 0,
		SHARE "keepalived.conf.mustache", "The template of keepalived.conf."},
	{"keepalived.nftTemplate", SCHEMA_PATH, {RESTART, UNUSED}, AT(keepalived.nft_template_path),
		1, 0, SHARE "nftables.conf.mustache", "The template of the nftables rules."},
	{"keepalived.stateDir", SCHEMA_PATH, {RESTART, UNUSED}, AT(keepalived.state_dir), 1, 0,
		"/run/kago", "The folder of keepalived.conf and the pid files."},
	{"keepalived.minReloadGap", SCHEMA_DURATION, {LIVE, UNUSED}, AT(keepalived.min_reload_gap),
		MSEC(100), MIN(1), "2s",
		"The least time between two reloads of keepalived, each of which restarts the "
		"health checks; changes go into IPVS at once."},
	{"keepalived.verifyTimeout", SCHEMA_DURATION, {RESTART, UNUSED},
		AT(keepalived.verify_timeout), MSEC(100), MIN(1), "2s",
		"How long keepalived may take to say that it has read its file, plus 20 ms for "
		"each virtual server, before it is told again and then started anew."},
	{"keepalived.shutdownTimeout", SCHEMA_DURATION, {LIVE, UNUSED},
		AT(keepalived.shutdown_timeout), 0, MIN(10), "25s",
		"How long at SIGTERM the controller goes on serving until the sidecar has drained; "
		"longer than `node.drain`."},

	{"ipvs.timeouts.tcp", SCHEMA_SECONDS, {LIVE, UNUSED}, AT(ipvs.timeouts.tcp), SEC(1),
		SEC(LIMIT_TIMEOUT_TCP), "124m",
		"After how much silence IPVS forgets a TCP connection; longer than clients and "
		"servers wait before they send a keepalive, mostly two hours."},
	{"ipvs.timeouts.tcpFin", SCHEMA_SECONDS, {LIVE, UNUSED}, AT(ipvs.timeouts.tcp_fin), SEC(1),
		SEC(LIMIT_TIMEOUT_TCP_FIN), "2m", "The same, once one side has closed it."},
	{"ipvs.timeouts.udp", SCHEMA_SECONDS, {LIVE, UNUSED}, AT(ipvs.timeouts.udp), SEC(1),
		SEC(LIMIT_TIMEOUT_UDP), "5m",
		"After how much silence IPVS forgets to which real server packets of a UDP client "
		"go."},

	{"announce", SCHEMA_ANNOUNCE, {RESTART, RESTART}, AT(announce), 0, 0, "bgp",
		"How the network learns where VIPs are: by BGP, by ARP and NDP on the node's own "
		"network, or by a program of yours."},
	{"l2.interfaces", SCHEMA_LINKS, {UNUSED, RESTART}, AT(l2.interfaces), 0,
		LIMIT_L2_INTERFACES, NULL,
		"The node's interfaces on which VIPs are answered for; none: for each VIP those "
		"whose network it is in."},
	{"l2.interval", SCHEMA_DURATION, {UNUSED, RESTART}, AT(l2.interval), MSEC(100), SEC(10),
		"300ms",
		"The time between two VRRP advertisements; three of them lost, and another load "
		"balancer takes over."},
	{"l2.program", SCHEMA_PATH, {UNUSED, RESTART}, AT(l2.program), 1, 0, "/usr/sbin/keepalived",
		"keepalived's executable, which speaks VRRP."},
	{"l2.template", SCHEMA_PATH, {UNUSED, RESTART}, AT(l2.template_path), 1, 0,
		SHARE "vrrp.conf.mustache", "The template of its file."},
	{"l2.stateDir", SCHEMA_PATH, {UNUSED, RESTART}, AT(l2.state_dir), 1, 0, "/run/kago-l2",
		"The folder of that file, its pid files and its pipe."},

	{"exec.program", SCHEMA_PATH, {UNUSED, RESTART}, AT(exec.program), 0, 0, "",
		"The program that is called when a VIP begins or ends to be served here, by its "
		"whole path; required with `announce: exec`."},
	{"exec.timeout", SCHEMA_DURATION, {UNUSED, RESTART}, AT(exec.timeout), SEC(1), MIN(10),
		"30s", "How long a call may take; it is killed then, and tried again."},
	{"exec.environment", SCHEMA_VARIABLES, {UNUSED, RESTART}, AT(exec.environment), 0,
		LIMIT_EXEC_VARIABLES, NULL,
		"The variables of the sidecar's environment that the program gets, besides "
		"`PATH`."},

	{"bgp.program", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.program), 1, 0, "/usr/sbin/exabgp",
		"exabgp's executable."},
	{"bgp.template", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.template_path), 1, 0,
		SHARE "exabgp.conf.mustache", "The template of exabgp.conf."},
	{"bgp.stateDir", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.state_dir), 1, 0,
		"/run/kago-exabgp",
		"The folder of exabgp.conf and exabgp's pipes, and of BIRD's files."},
	{"bgp.as", SCHEMA_AS, {UNUSED, LIVE}, AT(bgp.as), 0, 0, NULL,
		"Our AS number; needed with `bgp.peers`."},
	{"bgp.holdTime", SCHEMA_SECONDS, {UNUSED, LIVE}, AT(bgp.hold_time), SEC(3), SEC(1800), "9s",
		"The BGP hold time (RFC 4271): how long a dead load balancer keeps its routes."},
	{"bgp.peers", SCHEMA_PEERS, {LIVE, LIVE}, AT(bgp.peers), 0, LIMIT_BGP_PEERS, NULL,
		"Route reflectors or routers to announce to; none: nothing is announced."},
	{"bgp.peers[].address", SCHEMA_ADDRESS, {LIVE, LIVE}, PEER_AT(address), 0, 0, NULL,
		"The peer's address; required."},
	{"bgp.peers[].as", SCHEMA_AS, {LIVE, LIVE}, PEER_AT(as), 0, 0, NULL,
		"The peer's AS number; `bgp.as` (iBGP) unless said."},
	{"bgp.peers[].port", SCHEMA_PORT, {LIVE, LIVE}, PEER_AT(port), 0, 0, "179",
		"The peer's TCP port."},
	{"bgp.peers[].passwordFile", SCHEMA_PATH, {LIVE, LIVE}, PEER_AT(password_file), 1, 0, NULL,
		"A file with the TCP MD5 password (RFC 2385) of the session; it is followed while "
		"it "
		"changes."},
	{"bgp.peers[].name", SCHEMA_LABEL, {LIVE, LIVE}, PEER_AT(name), 0, 0, "",
		"The peer's name for `kago.dev/bgp-peers`, no two alike; its address is one, too."},
	{"bgp.peers[].holdTime", SCHEMA_SECONDS, {LIVE, LIVE}, PEER_AT(hold_time), SEC(3),
		SEC(1800), NULL, "The hold time of this session; `bgp.holdTime` unless said."},
	{"bgp.peers[].ttl", SCHEMA_COUNT, {LIVE, LIVE}, PEER_AT(ttl), 1, 255, NULL,
		"The TTL of packets to it: 255 for a router with TTL security (RFC 5082), 1 for "
		"one "
		"that has to be a neighbor; what the kernel has, mostly 64, unless said."},
	{"bgp.peers[].localAddress", SCHEMA_ADDRESS, {LIVE, LIVE}, PEER_AT(local_address), 0, 0,
		NULL,
		"The address of the pod that the session comes from; `node.podAddress` unless "
		"said."},
	{"bgp.peers[].ipv4", SCHEMA_BOOL, {LIVE, LIVE}, PEER_AT(ipv4), 0, 0, "true",
		"Whether it gets IPv4 routes."},
	{"bgp.peers[].ipv6", SCHEMA_BOOL, {LIVE, LIVE}, PEER_AT(ipv6), 0, 0, "true",
		"Whether it gets IPv6 routes."},
	{"bgp.peers[].extendedNextHop", SCHEMA_BOOL, {LIVE, LIVE}, PEER_AT(extended_next_hop), 0, 0,
		"false",
		"Whether IPv4 routes to it lead to the IPv6 next hop (RFC 8950), which the router "
		"has to take."},
	{"bgp.peers[].bfd", SCHEMA_BOOL, {LIVE, LIVE}, PEER_AT(bfd), 0, 0, "true",
		"Whether there is a BFD session with it, too, where `bgp.bfd.enabled` is true."},
	{"bgp.otherPeers", SCHEMA_OTHER_PEERS, {LIVE, LIVE}, AT(bgp.other_peers), 0,
		LIMIT_OTHER_PEERS, NULL,
		"BGP peers that other load balancers of the fleet have and this one has not, as in "
		"other racks: Services may name them, and neither endpoints nor VIPs have their "
		"addresses."},
	{"bgp.otherPeers[].address", SCHEMA_ADDRESS, {LIVE, LIVE}, OTHER_PEER_AT(address), 0, 0,
		NULL, "The peer's address; required."},
	{"bgp.otherPeers[].name", SCHEMA_LABEL, {LIVE, LIVE}, OTHER_PEER_AT(name), 0, 0, "",
		"Its name for `kago.dev/bgp-peers`; several may have one name."},
	{"bgp.nextHop.ipv4", SCHEMA_NEXT_HOP4, {UNUSED, LIVE}, AT(bgp.next_hop.ipv4), 0, 0, "node",
		"Where IPv4 routes lead: to the node's address, to the pod's, or to this one."},
	{"bgp.nextHop.ipv6", SCHEMA_NEXT_HOP6, {UNUSED, LIVE}, AT(bgp.next_hop.ipv6), 0, 0, "node",
		"Where IPv6 routes lead."},
	{"bgp.aggregates", SCHEMA_PREFIXES, {LIVE, LIVE}, AT(bgp.aggregates), 1, LIMIT_AGGREGATES,
		NULL, "Prefixes announced in place of the VIPs they contain."},
	{"bgp.communities", SCHEMA_COMMUNITIES, {UNUSED, LIVE}, AT(bgp.communities), 0, 0, "",
		"Communities of routes, such as `65000:100 no-export`; a Service's "
		"`kago.dev/bgp-communities` stand in their place."},
	{"bgp.localPreference", SCHEMA_COUNT, {UNUSED, LIVE}, AT(bgp.local_preference), 0, 0, "100",
		"The local preference of routes, for peers of our own AS."},
	{"bgp.med", SCHEMA_COUNT, {UNUSED, LIVE}, AT(bgp.med), 0, 0, "0",
		"The MED of routes; 0: none is sent."},
	{"bgp.asPathPrepend", SCHEMA_COUNT, {UNUSED, LIVE}, AT(bgp.as_path_prepend), 0,
		LIMIT_AS_PATH_PREPEND, "0",
		"How often our AS comes once more in the AS path of routes, for peers of another "
		"AS."},
	{"bgp.bfd.enabled", SCHEMA_BOOL, {UNUSED, RESTART}, AT(bgp.bfd.enabled), 0, 0, "false",
		"Whether there is a BFD session (RFC 5880) with each peer, by which routers notice "
		"a dead load balancer sooner than `bgp.holdTime`."},
	{"bgp.bfd.program", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.bfd.program), 1, 0,
		"/usr/sbin/bird", "BIRD's executable, which speaks BFD."},
	{"bgp.bfd.interval", SCHEMA_DURATION, {UNUSED, RESTART}, AT(bgp.bfd.interval), MSEC(50),
		SEC(10), "300ms",
		"The time between two packets of BFD, if the router does not want a longer one."},
	{"bgp.bfd.multiplier", SCHEMA_COUNT, {UNUSED, RESTART}, AT(bgp.bfd.multiplier), 2, 255, "3",
		"For how many of these without a packet from us a router waits."},

	{"node.podAddress", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.pod_address), 0, 0, NULL,
		"The pod's address; found by its default route unless said."},
	{"node.podAddress6", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.pod_address6), 0, 0, NULL,
		"The pod's address of the other family, for VIPs of that family."},
	{"node.nodeAddress", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.node_address), 0, 0, NULL,
		"The node's address, which is the next hop of the routes announced unless "
		"`bgp.nextHop` says something else."},
	{"node.nodeAddress6", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.node_address6), 0, 0, NULL,
		"The node's address of the other family."},
	{"node.netns", SCHEMA_PATH, {UNUSED, RESTART}, AT(node.netns), 0, 0, "",
		"The node's network namespace, such as `/run/netns/node`, for the routes from the "
		"node to this pod; or `unix:` and the path of the socket of `kago-node-sockets`, "
		"which is there in our place; empty: the node's routes are left alone."},
	{"node.pollInterval", SCHEMA_DURATION, {UNUSED, LIVE}, AT(node.poll_interval), MSEC(20),
		MIN(1), "2s",
		"The time between two looks at the kernel's whole IPVS table while the controller "
		"tells of each change; while it does not, 200 ms at most."},
	{"node.drain", SCHEMA_DURATION, {UNUSED, LIVE}, AT(node.drain), 0, MIN(5), "5s",
		"How long at SIGTERM packets are still served after the routes were withdrawn."},
	{"node.grace", SCHEMA_DURATION, {UNUSED, LIVE}, AT(node.grace), 0, MIN(60), "30s",
		"How long the controller may be away or hang, or keepalived not run, before all is "
		"withdrawn until they are well again; 0s: for ever."},

	{"kubernetes.kubeconfig", SCHEMA_PATH, {RESTART, UNUSED}, AT(kubernetes.kubeconfig), 0, 0,
		"",
		"The kubeconfig file that says where the API server is; empty: the service account "
		"of the pod."},
	{"kubernetes.context", SCHEMA_TEXT, {RESTART, UNUSED}, AT(kubernetes.context), 0,
		LIMIT_NAME, "", "The context of the kubeconfig; empty: its current one."},
	{"kubernetes.namespace", SCHEMA_LABEL, {RESTART, UNUSED}, AT(kubernetes.namespace), 0, 0,
		"", "The namespace whose Services are followed; empty: all."},
	{"kubernetes.leaseNamespace", SCHEMA_LABEL, {RESTART, UNUSED},
		AT(kubernetes.lease_namespace), 0, 0, "",
		"The namespace of the fleet's Leases; empty: that of the service account or the "
		"context."},
	{"kubernetes.identity", SCHEMA_DNS_NAME, {RESTART, UNUSED}, AT(kubernetes.identity), 0, 0,
		"",
		"The name of this load balancer in Leases and Events; empty: the environment's "
		"`POD_NAME`, else the host's name."},
	{"kubernetes.silenceTimeout", SCHEMA_DURATION, {RESTART, UNUSED},
		AT(kubernetes.silence_timeout), MSEC(1000), MIN(10), "150s",
		"How long a watch may say nothing, bookmarks included, or take for one object, "
		"until it counts as dead."},
	{"kubernetes.defaultClass", SCHEMA_BOOL, {LIVE, UNUSED}, AT(kubernetes.default_class), 0, 0,
		"false",
		"Services of type LoadBalancer that name neither a class nor a fleet are of this "
		"fleet."},

	{"endpoints.allow", SCHEMA_PREFIXES, {LIVE, UNUSED}, AT(endpoints.allow), 0,
		LIMIT_ENDPOINT_NETS, NULL,
		"The prefixes that endpoints may be in, such as those of the cluster's pods; none: "
		"any. Those of load balancers, their nodes, the API server, BGP peers and VIPs are "
		"never used."},
	{"endpoints.onlyPods", SCHEMA_BOOL, {LIVE, UNUSED}, AT(endpoints.only_pods), 0, 0, "false",
		"Whether only pods that a Service's own selector finds are used, and nothing of "
		"EndpointSlices that somebody else than the cluster's controller makes."},

	{"endpoints.perNamespace", SCHEMA_COUNT, {LIVE, UNUSED}, AT(endpoints.per_namespace), 0, 0,
		"0",
		"How many real servers the Services of one namespace may have together, over their "
		"VIPs and ports; 0: any number."},

	{"forward", SCHEMA_FORWARD, {LIVE, UNUSED}, AT(forward), 0, 0, "nat",
		"How packets get to the pods of Services that do not say (`kago.dev/forward`)."},
	{"tunnel.encapsulation", SCHEMA_TUNNEL, {LIVE, UNUSED}, AT(tunnel.encapsulation), 0, 0,
		"ipip",
		"What packets are put into for the way to pods of Services that do not say "
		"(`kago.dev/tunnel`)."},
	{"tunnel.port", SCHEMA_PORT, {LIVE, UNUSED}, AT(tunnel.port), 0, 0, "6080",
		"UDP's port of GUE. Load balancers and the agents of nodes have to have the same."},
	{"tunnel.nodes", SCHEMA_NAMES, {LIVE, UNUSED}, AT(tunnel.nodes), 0, LIMIT_TUNNEL_NODES,
		NULL,
		"With manifests, the nodes that take tunnels; in a cluster those whose agents say "
		"so."},

	{"pools", SCHEMA_POOLS, {LIVE, LIVE}, AT(pools), 0, LIMIT_POOLS, NULL,
		"Pools of VIPs; a Service without a VIP of its own gets the lowest free one of the "
		"first pool that it may use. Nothing outside the pools and `bgp.aggregates` is "
		"announced."},
	{"pools[].name", SCHEMA_DNS_NAME, {LIVE, LIVE}, POOL_AT(name), 1, 0, NULL,
		"The pool's name, for `kago.dev/pool`; required, no two alike."},
	{"pools[].addresses", SCHEMA_RANGES, {LIVE, LIVE}, POOL_AT(ranges), 0, LIMIT_POOL_RANGES,
		NULL,
		"The addresses: `10.1.1.0/24`, `10.1.1.10-10.1.1.20` or `10.1.1.7`, IPv4 and IPv6; "
		"at least one, and none in two pools."},
	{"pools[].autoAssign", SCHEMA_BOOL, {LIVE, LIVE}, POOL_AT(auto_assign), 0, 0, "true",
		"Whether Services get addresses of it that name neither a VIP nor a pool."},
	{"pools[].avoidBuggyIPs", SCHEMA_BOOL, {LIVE, LIVE}, POOL_AT(avoid_buggy_ips), 0, 0,
		"false", "Never hand out IPv4 addresses that end in .0 or .255."},
	{"pools[].namespaces", SCHEMA_LABELS, {LIVE, LIVE}, POOL_AT(namespaces), 0,
		LIMIT_POOL_NAMESPACES, NULL,
		"The namespaces whose Services may use it; none: all."},
	{"pools[].perNamespace", SCHEMA_COUNT, {LIVE, LIVE}, POOL_AT(per_namespace), 0, 0, "0",
		"How many addresses of it the Services of one namespace may have together; 0: any "
		"number."},
	{"pools[].perService", SCHEMA_COUNT, {LIVE, LIVE}, POOL_AT(per_service), 0, 0, "0",
		"How many addresses of it one Service may have; 0: any number."},
};

enum { N_KEYS = sizeof keys / sizeof keys[0] };

const struct schema_key *schema_keys(size_t *ret_n)
{
	*ret_n = N_KEYS;
	return keys;
}

const struct schema_key *schema_find(const char *path)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].path, path) == 0)
			return &keys[i];
	return NULL;
}

/* What follows "SECTION." in the path of a key of the same struct, or NULL. */
static const char *below(const char *path, const char *section)
{
	size_t len = strlen(section);
	const char *rest = NULL;

	if (len == 0)
		rest = path;
	else if (str_has_prefix(path, section) && path[len] == '.')
		rest = path + len + 1;
	return rest && !strstr(rest, "[]") ? rest : NULL;
}

bool schema_is_section(const char *path)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (below(keys[i].path, path))
			return true;
	return false;
}

char *schema_names(const char *section)
{
	char *names = xstrdup("");
	const char *last = "";
	size_t last_len = 0;

	for (size_t i = 0; i < N_KEYS; i++) {
		const char *name = below(keys[i].path, section);
		size_t len = name ? strcspn(name, ".") : 0;
		CLEANUP_FREE char *before = NULL;

		/* The keys of a section follow each other. */
		if (!name || (len == last_len && memcmp(name, last, len) == 0))
			continue;
		before = names;
		names = xasprintf("%s%s%.*s", before, *before ? ", " : "", (int)len, name);
		last = name;
		last_len = len;
	}
	return names;
}

void schema_init(void *base, const char *section)
{
	struct err e = {0};

	for (size_t i = 0; i < N_KEYS; i++)
		if (below(keys[i].path, section) && keys[i].initial)
			schema_set(&keys[i], base, keys[i].initial, &e);
}

void schema_done(void *base, const char *section)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (below(keys[i].path, section) && schema_is_string(&keys[i]))
			free(*(char **)schema_field(&keys[i], base));
}
