/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

#define AT(field) offsetof(struct config, field)
#define PEER_AT(field) offsetof(struct config_peer, field)
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

	{"bgp.program", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.program), 1, 0, "/usr/sbin/exabgp",
		"exabgp's executable."},
	{"bgp.template", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.template_path), 1, 0,
		SHARE "exabgp.conf.mustache", "The template of exabgp.conf."},
	{"bgp.stateDir", SCHEMA_PATH, {UNUSED, RESTART}, AT(bgp.state_dir), 1, 0,
		"/run/kago-exabgp", "The folder of exabgp.conf and exabgp's pipes."},
	{"bgp.as", SCHEMA_AS, {UNUSED, RESTART}, AT(bgp.as), 0, 0, NULL,
		"Our AS number; needed with `bgp.peers`."},
	{"bgp.holdTime", SCHEMA_SECONDS, {UNUSED, RESTART}, AT(bgp.hold_time), SEC(3), SEC(1800),
		"9s",
		"The BGP hold time (RFC 4271): how long a dead load balancer keeps its routes."},
	{"bgp.peers", SCHEMA_PEERS, {RESTART, RESTART}, AT(bgp.peers), 0, LIMIT_BGP_PEERS, NULL,
		"Route reflectors or routers to announce to; none: nothing is announced."},
	{"bgp.peers[].address", SCHEMA_ADDRESS, {RESTART, RESTART}, PEER_AT(address), 0, 0, NULL,
		"The peer's address; required."},
	{"bgp.peers[].as", SCHEMA_AS, {RESTART, RESTART}, PEER_AT(as), 0, 0, NULL,
		"The peer's AS number; `bgp.as` (iBGP) unless said."},
	{"bgp.peers[].port", SCHEMA_PORT, {RESTART, RESTART}, PEER_AT(port), 0, 0, "179",
		"The peer's TCP port."},
	{"bgp.peers[].passwordFile", SCHEMA_PATH, {RESTART, RESTART}, PEER_AT(password_file), 1, 0,
		NULL, "A file with the TCP MD5 password (RFC 2385) of the session."},
	{"bgp.aggregates", SCHEMA_PREFIXES, {UNUSED, LIVE}, AT(bgp.aggregates), 0, LIMIT_AGGREGATES,
		NULL, "Prefixes announced in place of the VIPs they contain."},

	{"node.podAddress", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.pod_address), 0, 0, NULL,
		"The pod's address; found by its default route unless said."},
	{"node.podAddress6", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.pod_address6), 0, 0, NULL,
		"The pod's address of the other family, for VIPs of that family."},
	{"node.nodeAddress", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.node_address), 0, 0, NULL,
		"The node's address, which is the next hop of the routes announced."},
	{"node.nodeAddress6", SCHEMA_ADDRESS, {UNUSED, RESTART}, AT(node.node_address6), 0, 0, NULL,
		"The node's address of the other family."},
	{"node.netns", SCHEMA_PATH, {UNUSED, RESTART}, AT(node.netns), 0, 0, "",
		"The node's network namespace, such as `/run/netns/node`, for the routes from the "
		"node to "
		"this pod; empty: the node's routes are left alone."},
	{"node.pollInterval", SCHEMA_DURATION, {UNUSED, LIVE}, AT(node.poll_interval), MSEC(20),
		MIN(1), "2s",
		"The time between two looks at the kernel's whole IPVS table while the controller "
		"tells of each change; while it does not, 200 ms at most."},
	{"node.drain", SCHEMA_DURATION, {UNUSED, LIVE}, AT(node.drain), 0, MIN(5), "5s",
		"How long at SIGTERM packets are still served after the routes were withdrawn."},

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
		"How long a watch may say nothing, bookmarks included, until it counts as dead."},
	{"kubernetes.defaultClass", SCHEMA_BOOL, {LIVE, UNUSED}, AT(kubernetes.default_class), 0, 0,
		"false",
		"Services of type LoadBalancer that name neither a class nor a fleet are of this "
		"fleet."},

	{"pools", SCHEMA_POOLS, {LIVE, UNUSED}, AT(pools), 0, LIMIT_POOLS, NULL,
		"Pools of VIPs; a Service without a VIP of its own gets the lowest free one of the "
		"first pool that it may use."},
	{"pools[].name", SCHEMA_DNS_NAME, {LIVE, UNUSED}, POOL_AT(name), 1, 0, NULL,
		"The pool's name, for `kago.dev/pool`; required, no two alike."},
	{"pools[].addresses", SCHEMA_RANGES, {LIVE, UNUSED}, POOL_AT(ranges), 0, LIMIT_POOL_RANGES,
		NULL,
		"The addresses: `10.1.1.0/24`, `10.1.1.10-10.1.1.20` or `10.1.1.7`, IPv4 and IPv6; "
		"at least one, and none in two pools."},
	{"pools[].autoAssign", SCHEMA_BOOL, {LIVE, UNUSED}, POOL_AT(auto_assign), 0, 0, "true",
		"Whether Services get addresses of it that name neither a VIP nor a pool."},
	{"pools[].avoidBuggyIPs", SCHEMA_BOOL, {LIVE, UNUSED}, POOL_AT(avoid_buggy_ips), 0, 0,
		"false", "Never hand out IPv4 addresses that end in .0 or .255."},
	{"pools[].namespaces", SCHEMA_LABELS, {LIVE, UNUSED}, POOL_AT(namespaces), 0,
		LIMIT_POOL_NAMESPACES, NULL,
		"The namespaces whose Services may use it; none: all."},
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
