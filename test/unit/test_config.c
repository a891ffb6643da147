/* SPDX-License-Identifier: Apache-2.0 */
#include "config_file.h"

static void assert_address(const struct ipaddr *a, const char *expected)
{
	char text[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(text, a), expected);
}

static void assert_defaults(const struct config *c)
{
	assert_string_equal(c->fleet, "default");
	assert_int_equal(c->log.level, LOG_INFO);
	assert_int_equal(c->log.format, LOG_LOGFMT);
	assert_string_equal(c->http.listen, "127.0.0.1:9440");
	assert_string_equal(c->keepalived.program, "/usr/sbin/keepalived");
	assert_string_equal(c->keepalived.template_path, KAGO_DATADIR "/keepalived.conf.mustache");
	assert_string_equal(
		c->keepalived.nft_template_path, KAGO_DATADIR "/nftables.conf.mustache");
	assert_string_equal(c->keepalived.state_dir, "/run/kago");
	assert_int_equal(c->keepalived.min_reload_gap, 2000000);
	assert_int_equal(c->keepalived.verify_timeout, 2000000);
	assert_int_equal(c->keepalived.shutdown_timeout, 25000000);
	assert_int_equal(c->announce, CONFIG_ANNOUNCE_BGP);
	assert_int_equal(c->l2.n_interfaces, 0);
	assert_int_equal(c->l2.interval, 300000);
	assert_string_equal(c->l2.program, "/usr/sbin/keepalived");
	assert_string_equal(c->l2.template_path, KAGO_DATADIR "/vrrp.conf.mustache");
	assert_string_equal(c->l2.state_dir, "/run/kago-l2");
	assert_string_equal(c->bgp.program, "/usr/sbin/exabgp");
	assert_string_equal(c->bgp.template_path, KAGO_DATADIR "/exabgp.conf.mustache");
	assert_string_equal(c->bgp.state_dir, "/run/kago-exabgp");
	assert_int_equal(c->bgp.as, 0);
	assert_int_equal(c->ipvs.timeouts.tcp, UINT64_C(7440000000));
	assert_int_equal(c->ipvs.timeouts.tcp_fin, 120000000);
	assert_int_equal(c->ipvs.timeouts.udp, 300000000);
	assert_int_equal(c->bgp.hold_time, 9000000);
	assert_false(c->bgp.bfd.enabled);
	assert_string_equal(c->bgp.bfd.program, "/usr/sbin/bird");
	assert_int_equal(c->bgp.bfd.interval, 300000);
	assert_int_equal(c->bgp.bfd.multiplier, 3);
	assert_int_equal(c->bgp.n_peers, 0);
	assert_int_equal(c->bgp.n_aggregates, 0);
	assert_int_equal(c->node.pod_address.family, 0);
	assert_int_equal(c->node.node_address6.family, 0);
	assert_string_equal(c->node.netns, "");
	assert_int_equal(c->node.poll_interval, 2000000);
	assert_int_equal(c->node.drain, 5000000);
	assert_string_equal(c->kubernetes.kubeconfig, "");
	assert_string_equal(c->kubernetes.context, "");
	assert_string_equal(c->kubernetes.namespace, "");
	assert_string_equal(c->kubernetes.lease_namespace, "");
	assert_string_equal(c->kubernetes.identity, "");
	assert_false(c->kubernetes.default_class);
	assert_int_equal(c->n_pools, 0);
}

static void test_defaults(void **state)
{
	static const char *const texts[] = {
		"", "# nothing\n", "---\n", "{}", "fleet:\nbgp:\n  peers:\n  as: null\n"};
	CLEANUP(config_freep) struct config *none = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(config_load(&none, NULL, &e), 0);
	assert_defaults(none);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CLEANUP(config_freep) struct config *c = loaded(texts[i]);

		assert_defaults(c);
	}
}

static void test_every_key(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded(
		"fleet: edge-1\n"
		"log: {level: debug, format: json}\n"
		"http:\n"
		"  listen: '[::1]:80'\n"
		"keepalived:\n"
		"  program: /opt/keepalived\n"
		"  template: /etc/kago/k.mustache\n"
		"  nftTemplate: /etc/kago/n.mustache\n"
		"  stateDir: /run/k\n"
		"  minReloadGap: 100ms\n"
		"  verifyTimeout: 1m\n"
		"  shutdownTimeout: 10m\n"
		"bgp:\n"
		"  program: /opt/exabgp\n"
		"  template: /etc/kago/e.mustache\n"
		"  stateDir: /run/e\n"
		"  as: 4200000000\n"
		"  holdTime: 3s\n"
		"  peers:\n"
		"  - address: 10.0.0.1\n"
		"  - {address: 'fd00::1', as: 65001, port: 1179, passwordFile: /etc/kago/secret}\n"
		"  aggregates: [10.1.1.0/24, '2001:db8::/64']\n"
		"node:\n"
		"  podAddress: 10.2.0.7\n"
		"  podAddress6: fd00:2::7\n"
		"  nodeAddress: fd00::7\n"
		"  nodeAddress6: 10.0.0.7\n"
		"  netns: /run/netns/node\n"
		"  pollInterval: 800ms\n"
		"  drain: 0s\n");
	char net[IPNET_TEXT];

	(void)state;
	assert_string_equal(c->fleet, "edge-1");
	assert_int_equal(c->log.level, LOG_DEBUG);
	assert_int_equal(c->log.format, LOG_JSON);
	assert_string_equal(c->http.listen, "[::1]:80");
	assert_string_equal(c->keepalived.program, "/opt/keepalived");
	assert_string_equal(c->keepalived.template_path, "/etc/kago/k.mustache");
	assert_string_equal(c->keepalived.nft_template_path, "/etc/kago/n.mustache");
	assert_string_equal(c->keepalived.state_dir, "/run/k");
	assert_int_equal(c->keepalived.min_reload_gap, 100000);
	assert_int_equal(c->keepalived.verify_timeout, 60000000);
	assert_int_equal(c->keepalived.shutdown_timeout, 600000000);
	assert_string_equal(c->bgp.program, "/opt/exabgp");
	assert_string_equal(c->bgp.template_path, "/etc/kago/e.mustache");
	assert_string_equal(c->bgp.state_dir, "/run/e");
	assert_true(c->bgp.as == 4200000000);
	assert_int_equal(c->bgp.hold_time, 3000000);
	assert_int_equal(c->bgp.n_peers, 2);
	assert_address(&c->bgp.peers[0].address, "10.0.0.1");
	assert_true(c->bgp.peers[0].as == 4200000000);
	assert_int_equal(c->bgp.peers[0].port, 179);
	assert_null(c->bgp.peers[0].password_file);
	assert_address(&c->bgp.peers[1].address, "fd00::1");
	assert_int_equal(c->bgp.peers[1].as, 65001);
	assert_int_equal(c->bgp.peers[1].port, 1179);
	assert_string_equal(c->bgp.peers[1].password_file, "/etc/kago/secret");
	assert_int_equal(c->bgp.n_aggregates, 2);
	assert_string_equal(ipnet_format(net, &c->bgp.aggregates[0]), "10.1.1.0/24");
	assert_string_equal(ipnet_format(net, &c->bgp.aggregates[1]), "2001:db8::/64");
	assert_address(&c->node.pod_address, "10.2.0.7");
	assert_address(&c->node.pod_address6, "fd00:2::7");
	assert_address(&c->node.node_address, "fd00::7");
	assert_address(&c->node.node_address6, "10.0.0.7");
	assert_string_equal(c->node.netns, "/run/netns/node");
	assert_int_equal(c->node.poll_interval, 800000);
	assert_int_equal(c->node.drain, 0);
}

static void test_every_key_of_layer_2(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("announce: l2\n"
				  "l2: {interfaces: [eth0, bond0.7], interval: 1s, program: /k,\n"
				  "     template: /t, stateDir: /d}\n");

	(void)state;
	assert_int_equal(c->announce, CONFIG_ANNOUNCE_L2);
	assert_int_equal(c->l2.n_interfaces, 2);
	assert_string_equal(c->l2.interfaces[1], "bond0.7");
	assert_int_equal(c->l2.interval, 1000000);
	assert_string_equal(c->l2.program, "/k");
	assert_string_equal(c->l2.template_path, "/t");
	assert_string_equal(c->l2.state_dir, "/d");
}

static void test_every_key_of_a_program(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("announce: exec\n"
				  "exec: {program: /p/cloud.py, timeout: 10m,\n"
				  "       environment: [TOKEN_FILE, _a1]}\n");

	(void)state;
	assert_int_equal(c->announce, CONFIG_ANNOUNCE_EXEC);
	assert_string_equal(c->exec.program, "/p/cloud.py");
	assert_int_equal(c->exec.timeout, 600000000);
	assert_int_equal(c->exec.n_environment, 2);
	assert_string_equal(c->exec.environment[0], "TOKEN_FILE");
	assert_string_equal(c->exec.environment[1], "_a1");
}

static void test_every_key_of_routes_and_of_one_peer(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded(
		"bgp:\n"
		"  as: 65021\n"
		"  peers:\n"
		"  - address: 10.0.0.1\n"
		"  - {address: 'fd00::1', name: tor1, holdTime: 6s, ttl: 255, ipv4: false,\n"
		"     localAddress: 'fd00:2::8', bfd: false}\n"
		"  otherPeers:\n"
		"  - address: 10.0.0.1\n"
		"  - {address: 10.0.9.1, name: tor1}\n"
		"  communities: 65000:100 no-export\n"
		"  localPreference: 200\n"
		"  med: 7\n"
		"  asPathPrepend: 16\n"
		"  bfd: {enabled: true, program: /opt/bird, interval: 50ms, multiplier: 255}\n");

	(void)state;
	assert_true(c->bgp.peers[0].bfd);
	assert_false(c->bgp.peers[1].bfd);
	assert_true(c->bgp.bfd.enabled);
	assert_string_equal(c->bgp.bfd.program, "/opt/bird");
	assert_int_equal(c->bgp.bfd.interval, 50000);
	assert_int_equal(c->bgp.bfd.multiplier, 255);
	assert_string_equal(c->bgp.peers[0].name, "");
	assert_int_equal(c->bgp.peers[0].hold_time, 0);
	assert_int_equal(c->bgp.peers[0].ttl, 0);
	assert_int_equal(c->bgp.peers[0].local_address.family, 0);
	assert_true(c->bgp.peers[0].ipv4 && c->bgp.peers[0].ipv6);
	assert_string_equal(c->bgp.peers[1].name, "tor1");
	assert_int_equal(c->bgp.peers[1].hold_time, 6000000);
	assert_int_equal(c->bgp.peers[1].ttl, 255);
	assert_address(&c->bgp.peers[1].local_address, "fd00:2::8");
	assert_false(config_peer_takes(&c->bgp.peers[1], AF_INET));
	assert_true(config_peer_takes(&c->bgp.peers[1], AF_INET6));
	assert_int_equal(c->bgp.n_other_peers, 2);
	assert_string_equal(c->bgp.other_peers[0].name, "");
	assert_address(&c->bgp.other_peers[1].address, "10.0.9.1");
	assert_string_equal(c->bgp.other_peers[1].name, "tor1");
	assert_string_equal(c->bgp.communities, "65000:100 no-export");
	assert_int_equal(c->bgp.local_preference, 200);
	assert_int_equal(c->bgp.med, 7);
	assert_int_equal(c->bgp.as_path_prepend, 16);
}

/* A NetworkPolicy may have them, from which the chart takes http.allow. */
static void test_where_somebody_is_may_be_said_as_kubernetes_takes_it(void **state)
{
	CLEANUP(config_freep)
	struct config *c =
		loaded("http: {allow: [10.9.0.1/24, 10.9.0.0/24, 'fd00::7/64', 10.8.0.1]}\n"
		       "endpoints: {allow: [172.16.1.1/16]}\n");
	char net[IPNET_TEXT];

	(void)state;
	assert_int_equal(c->http.n_allow, 3);
	assert_string_equal(ipnet_format(net, &c->http.allow[0]), "10.9.0.0/24");
	assert_string_equal(ipnet_format(net, &c->http.allow[1]), "fd00::/64");
	assert_string_equal(ipnet_format(net, &c->http.allow[2]), "10.8.0.1/32");
	assert_int_equal(c->endpoints.n_allow, 1);
	assert_string_equal(ipnet_format(net, &c->endpoints.allow[0]), "172.16.0.0/16");
	assert_string_equal(strchr(c->note, ':'),
		":1:16: http.allow: '10.9.0.1/24' has host bits set and is read as 10.9.0.0/24");
}

static void test_every_key_about_kubernetes(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("kubernetes:\n"
				  "  kubeconfig: /etc/kago/kubeconfig\n"
				  "  context: admin@west\n"
				  "  namespace: shop\n"
				  "  leaseNamespace: kago-system\n"
				  "  identity: kago-0.west\n"
				  "  defaultClass: true\n");

	(void)state;
	assert_string_equal(c->kubernetes.kubeconfig, "/etc/kago/kubeconfig");
	assert_string_equal(c->kubernetes.context, "admin@west");
	assert_string_equal(c->kubernetes.namespace, "shop");
	assert_string_equal(c->kubernetes.lease_namespace, "kago-system");
	assert_string_equal(c->kubernetes.identity, "kago-0.west");
	assert_true(c->kubernetes.default_class);
}

static const struct refusal_case refused[] = {
	/* unknown keys */
	{"fleets: a\n",
		"1:1: 'fleets' is not a key; the keys are fleet, log, http, control, keepalived, "
		"ipvs, announce, l2, exec, bgp, node, kubernetes, endpoints, forward, tunnel, "
		"pools"},
	{"log:\n  levle: info\n", "2:3: log: 'levle' is not a key; the keys are level, format"},
	{"bgp:\n  as: 1\n  peers:\n  - address: 10.0.0.1\n    asn: 1\n",
		"5:5: bgp.peers[]: 'asn' is not a key; the keys are address, as, port, "
		"passwordFile, name, holdTime, ttl, localAddress, ipv4, ipv6, "
		"extendedNextHop, bfd"},
	{"bgp:\n  peers[]: {}\n",
		"2:3: bgp: 'peers[]' is not a key; the keys are program, template, "
		"stateDir, as, holdTime, peers, otherPeers, nextHop, aggregates, communities, "
		"localPreference, med, asPathPrepend, bfd"},
	{"bgp.as: 1\n",
		"1:1: 'bgp.as' is not a key; the keys are fleet, log, http, control, keepalived, "
		"ipvs, announce, l2, exec, bgp, node, kubernetes, endpoints, forward, tunnel, "
		"pools"},

	/* wrong types */
	{"[]\n", "1:1: must be an object, not a list"},
	{"text\n", "1:1: must be an object, not a string"},
	{"log: info\n", "1:6: log: must be an object, not a string"},
	{"fleet: 7\n", "1:8: fleet: must be a string (DNS label), not a whole number"},
	{"fleet: no\n", "1:1: fleet: must be a string (DNS label), not true or false"},
	{"fleet: [a]\n", "1:8: fleet: must be a string (DNS label), not a list"},
	{"bgp:\n  as: 1.5\n", "2:7: bgp.as: must be a number, 1 to 4294967295, not a fraction"},
	{"node:\n  drain: {}\n", "2:10: node.drain: must be a duration, 0s to 5m, not an object"},
	{"bgp:\n  peers: 10.0.0.1\n", "2:10: bgp.peers: must be a list, not a string"},
	{"bgp:\n  as: 1\n  peers: [10.0.0.1]\n",
		"3:11: bgp.peers: must be an object, not a string"},
	{"bgp:\n  as: 1\n  peers: [null]\n", "3:10: bgp.peers: must be an object, not null"},
	{"bgp:\n  aggregates: [1]\n",
		"2:16: bgp.aggregates: must be a prefix such as 10.1.1.0/24, not a whole number"},

	/* wrong values */
	{"fleet: Edge\n", "1:8: fleet: 'Edge' is not a DNS label: up to 63 of a-z, 0-9 and -, no - "
			  "at the ends"},
	{"fleet: -a\n", "1:8: fleet: '-a' is not a DNS label: up to 63 of a-z, 0-9 and -, no - at "
			"the ends"},
	{"log:\n  level: loud\n",
		"2:10: log.level: 'loud' is not a log level; use debug, info, warn or error"},
	{"log: {format: xml}\n", "1:15: log.format: 'xml' is not a log format; use logfmt or json"},
	{"http: {listen: '9440'}\n", "1:16: http.listen: '9440' is not ADDRESS:PORT, "
				     "[ADDRESS]:PORT or pod:PORT: the port is missing"},
	{"http: {listen: '::1:80'}\n",
		"1:16: http.listen: '::1:80' is not ADDRESS:PORT, "
		"[ADDRESS]:PORT or pod:PORT: an IPv6 address needs brackets"},
	{"http: {listen: 'localhost:80'}\n",
		"1:16: http.listen: 'localhost:80' is not ADDRESS:PORT, "
		"[ADDRESS]:PORT or pod:PORT: 'localhost' is not an IP address"},
	{"http: {listen: '127.0.0.1:0'}\n",
		"1:16: http.listen: '127.0.0.1:0' is not ADDRESS:PORT, "
		"[ADDRESS]:PORT or pod:PORT: '0' is not a number from 1 to 65535"},
	{"keepalived:\n  program: ''\n", "2:12: keepalived.program: must not be empty"},
	{"keepalived:\n  stateDir: \"/run\\n\"\n",
		"2:13: keepalived.stateDir: '/run\\x0a' is not a path: it has control characters"},
	{"keepalived:\n  minReloadGap: 5\n",
		"2:17: keepalived.minReloadGap: '5' is not a duration from "
		"100ms to 1m; the units are us, ms, s, m and h"},
	{"keepalived:\n  minReloadGap: 99ms\n",
		"2:17: keepalived.minReloadGap: '99ms' is not a duration from 100ms to 1m"},
	{"ipvs:\n  timeouts: {tcp: 900}\n",
		"2:19: ipvs.timeouts.tcp: '900' is not a duration from 1s to 120h; the units are "
		"us, ms, s, m and h"},
	{"ipvs:\n  timeouts: {tcp: 121h}\n",
		"2:19: ipvs.timeouts.tcp: '121h' is not a duration from 1s to 120h"},
	{"ipvs:\n  timeouts: {udp: 100ms}\n",
		"2:19: ipvs.timeouts.udp: '100ms' is not a duration from 1s to 24h"},
	{"ipvs:\n  timeouts: {fin: 1s}\n",
		"2:14: ipvs.timeouts: 'fin' is not a key; the keys are tcp, tcpFin, udp"},
	{"keepalived:\n  shutdownTimeout: 5s\n",
		"2:3: keepalived.shutdownTimeout: must be longer than node.drain"},
	{"node:\n  drain: 30s\n",
		"1:1: keepalived.shutdownTimeout: must be longer than node.drain"},
	{"bgp:\n  as: 0\n", "2:7: bgp.as: '0' is not a number from 1 to 4294967295"},
	{"bgp:\n  as: 4294967296\n",
		"2:7: bgp.as: '4294967296' is not a number from 1 to 4294967295"},
	{"bgp:\n  holdTime: 2s\n", "2:13: bgp.holdTime: '2s' is not a duration from 3s to 30m"},
	{"bgp:\n  holdTime: 3500ms\n", "2:13: bgp.holdTime: '3500ms' is not in whole seconds"},
	{"bgp:\n  peers: [{address: 10.0.0.1}]\n",
		"2:3: bgp.as: missing; bgp.peers needs our own AS number"},
	{"bgp:\n  as: 1\n  peers: [{port: 179}]\n", "3:11: bgp.peers[].address: missing"},
	{"bgp:\n  as: 1\n  peers:\n  - address: lb\n",
		"4:14: bgp.peers[].address: 'lb' is not an IP address"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 10.0.0.1, port: 0}\n",
		"4:31: bgp.peers[].port: '0' is not a number from 1 to 65535"},
	{"bgp:\n  as: 1\n  peers:\n  - address: 10.0.0.1\n  - address: 10.0.0.1\n    port: 179\n",
		"5:5: bgp.peers: the same address as another peer; a session is told by it alone"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 'fe80::1'}\n",
		"4:5: bgp.peers[].address: is link-local, and exabgp 4.2 cannot say by which "
		"interface it calls a peer; use another address of it"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 'fe80::1%eth0'}\n",
		"4:15: bgp.peers[].address: 'fe80::1%eth0' has a zone, as link-local addresses do; "
		"they cannot be used"},
	{"bgp: {as: 1, peers: [{address: 10.0.0.1, name: a},\n {address: 10.0.0.2, name: a}]}\n",
		"2:2: bgp.peers[].name: there are two peers 'a'"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 10.0.0.1, localAddress: 'fd00::1'}\n",
		"4:5: bgp.peers[].localAddress: must be of the peer's family"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 10.0.0.1, ipv4: false, ipv6: false}\n",
		"4:5: bgp.peers: gets routes of neither family; leave it out"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 10.0.0.1, ttl: 256}\n",
		"4:30: bgp.peers[].ttl: '256' is not a number from 1 to 255"},
	{"announce: arp\n", "1:11: announce: 'arp' is not bgp, l2 or exec"},
	{"announce: exec\nexec:\n  timeout: 5s\n",
		"2:1: exec.program: must be the whole path of a program, from / on, with "
		"`announce: exec`"},
	{"announce: exec\nexec:\n  program: cloud.py\n",
		"3:3: exec.program: must be the whole path of a program, from / on, with "
		"`announce: exec`"},
	{"announce: exec\nexec: {program: /p}\nbgp:\n  as: 1\n  peers: [{address: 10.0.0.1}]\n",
		"5:3: bgp.peers: are for `announce: bgp`; with `announce: exec` nobody speaks BGP"},
	{"announce: exec\nexec: {program: /p}\nbgp:\n  aggregates: [10.1.1.0/24]\n",
		"4:3: bgp.aggregates: are for `announce: bgp`; with `announce: exec` each VIP is "
		"by itself"},
	{"exec:\n  environment: [A, 1A]\n",
		"2:20: exec.environment: '1A' is not the name of a variable, such as TOKEN_FILE"},
	{"exec:\n  environment: [A=B]\n",
		"2:17: exec.environment: 'A=B' is not the name of a variable, such as TOKEN_FILE"},
	{"exec:\n  environment: [A, A]\n", "2:20: exec.environment: 'A' is there twice"},
	{"exec:\n  environment: [7]\n",
		"2:17: exec.environment: must be the name of a variable, not a whole number"},
	{"announce: l2\nbgp:\n  as: 1\n  peers: [{address: 10.0.0.1}]\n",
		"4:3: bgp.peers: are for `announce: bgp`; with `announce: l2` nobody speaks BGP"},
	{"announce: l2\nbgp:\n  aggregates: [10.1.1.0/24]\n",
		"3:3: bgp.aggregates: are for `announce: bgp`; with `announce: l2` each VIP is by "
		"itself"},
	{"l2:\n  interfaces: [eth0, eth0]\n", "2:22: l2.interfaces: 'eth0' is there twice"},
	{"l2:\n  interfaces: [a/b]\n",
		"2:16: l2.interfaces: 'a/b' is not the name of an interface, such as eth0"},
	{"l2:\n  interfaces: [sixteen-and-more]\n",
		"2:16: l2.interfaces: 'sixteen-and-more' is not the name of an interface, such as "
		"eth0"},
	{"l2:\n  interfaces: [[a]]\n",
		"2:16: l2.interfaces: must be the name of an interface, not a list"},
	{"bgp:\n  otherPeers:\n  - {name: tor1}\n", "3:5: bgp.otherPeers[].address: missing"},
	{"bgp:\n  otherPeers:\n  - {address: 10.0.0.1, as: 1}\n",
		"3:25: bgp.otherPeers[]: 'as' is not a key; the keys are address, name"},
	{"bgp:\n  asPathPrepend: 17\n",
		"2:18: bgp.asPathPrepend: '17' is not a number from 0 to 16"},
	{"bgp:\n  bfd: {interval: 20ms}\n",
		"2:19: bgp.bfd.interval: '20ms' is not a duration from 50ms to 10s"},
	{"bgp:\n  bfd: {interval: 11s}\n",
		"2:19: bgp.bfd.interval: '11s' is not a duration from 50ms to 10s"},
	{"bgp:\n  bfd: {multiplier: 1}\n",
		"2:21: bgp.bfd.multiplier: '1' is not a number from 2 to 255"},
	{"bgp:\n  bfd: true\n", "2:3: bgp.bfd: must be an object, not true or false"},
	{"bgp:\n  as: 1\n  peers:\n  - {address: 10.0.0.1, ipv4: false, extendedNextHop: true}\n",
		"4:5: bgp.peers[].extendedNextHop: is of IPv4 routes, and it gets none of them"},
	{"bgp:\n  nextHop: {ipv4: nodes}\n",
		"2:19: bgp.nextHop.ipv4: 'nodes' is not node, pod or an IPv4 address"},
	{"bgp:\n  nextHop: {ipv4: 'fd00::1'}\n",
		"2:19: bgp.nextHop.ipv4: 'fd00::1' is not node, pod or an IPv4 address"},
	{"bgp:\n  nextHop: {ipv6: 10.0.0.1}\n",
		"2:19: bgp.nextHop.ipv6: '10.0.0.1' is not node, pod or an IPv6 address"},
	{"bgp:\n  nextHop: {ipv6: 'fe80::1'}\n",
		"2:19: bgp.nextHop.ipv6: 'fe80::1' is no address that routers can send packets "
		"to"},
	{"announce: l2\nbgp:\n  nextHop: {ipv4: pod}\n",
		"3:3: bgp.nextHop: is for `announce: bgp`; with `announce: l2` there are no "
		"routes"},
	{"announce: exec\nexec: {program: /p}\nbgp:\n  nextHop: {ipv6: pod}\n",
		"4:3: bgp.nextHop: is for `announce: bgp`; with `announce: exec` there are no "
		"routes"},
	{"bgp:\n  communities: no-exports\n",
		"2:16: bgp.communities: 'no-exports' is no community: neither 65000:100 nor "
		"65000:1:2 nor target:65000:100 nor origin:65000:100 nor a name such as no-export, "
		"no-advertise, graceful-shutdown"},
	{"bgp:\n  aggregates: [0.0.0.0/0]\n",
		"2:16: bgp.aggregates: '0.0.0.0/0' would be a default route to this pod"},
	{"bgp:\n  aggregates: [10.1.1.8/24]\n",
		"2:16: bgp.aggregates: '10.1.1.8/24' has host bits set; "
		"the prefix is 10.1.1.0/24"},
	{"bgp:\n  aggregates:\n  - 10.1.1.8\n  - 10.1.1.8/32\n",
		"4:5: bgp.aggregates: '10.1.1.8/32' is there twice"},
	{"node:\n  podAddress: 10.0.0.1/24\n",
		"2:15: node.podAddress: '10.0.0.1/24' is not an IP address"},
	{"node:\n  podAddress: 10.0.0.1\n  podAddress6: 10.0.0.2\n",
		"3:3: node.podAddress6: must be of the other family than node.podAddress"},
	{"node:\n  nodeAddress6: fd00::1\n",
		"2:3: node.nodeAddress6: must be of the other family than node.nodeAddress"},

	/* kubernetes */
	{"kubernetes: {namespace: Shop}\n",
		"1:25: kubernetes.namespace: 'Shop' is not a DNS label: up to 63 of a-z, 0-9 and "
		"-, no - at the ends"},
	{"kubernetes: {identity: a..b}\n",
		"1:24: kubernetes.identity: 'a..b' is not a DNS name: labels of a-z, 0-9 and - "
		"with dots between them, up to 253 bytes"},
	{"kubernetes: {context: \"a\\nb\"}\n",
		"1:23: kubernetes.context: 'a\\x0ab' has control characters"},
	{"kubernetes: {defaultClass: 'true'}\n",
		"1:28: kubernetes.defaultClass: must be true or false, not a string"},
	{"kubernetes: {defaultClass: 1}\n",
		"1:28: kubernetes.defaultClass: must be true or false, not a whole number"},

	/* not YAML as we take it */
	{"a: [\n", "2:1: did not find expected node content while parsing a flow node"},
	{"fleet: a\nfleet: b\n", "2:1: duplicate key 'fleet'"},
};

static void test_refused_files(void **state)
{
	(void)state;
	expect_refused(refused, sizeof refused / sizeof refused[0]);
}

/* The document's example loads, and its sample of an error is what the program says. */
static void test_the_document_tells_the_truth(void **state)
{
	CLEANUP(config_freep) struct config *c = NULL, *none = NULL;
	CLEANUP_FREE char *text = NULL;
	char *example, *end;
	struct err e = {0};
	size_t len;

	(void)state;
	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/docs/configuration.md", 1 << 20, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(load(&none, "\n\nkeepalived:\n  minReloadGap: 5\n", &e), -EINVAL);
	assert_non_null(strstr(text, e.msg + strlen(path)));
	example = strstr(text, "```yaml\n");
	assert_non_null(example);
	example += strlen("```yaml\n");
	end = strstr(example, "```");
	assert_non_null(end);
	*end = '\0';
	c = loaded(example);
	assert_int_equal(c->bgp.n_peers, 2);
	assert_int_equal(c->n_pools, 3);
}

static void test_lists_have_limits(void **state)
{
	char text[1024] = "bgp:\n  as: 1\n  peers:\n";
	struct config *c = NULL;
	struct err e = {0};

	(void)state;
	for (int i = 1; i <= 17; i++) {
		CLEANUP_FREE char *peer = xasprintf("  - address: 10.0.0.%d\n", i);

		memcpy(text + strlen(text), peer, strlen(peer) + 1);
	}
	assert_int_equal(load(&c, text, &e), -EINVAL);
	assert_non_null(strstr(e.msg, ":4:3: bgp.peers: has 17 items; at most 16 are allowed"));
}

static void test_a_missing_file(void **state)
{
	struct config *c = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(config_load(&c, "/none/kago.yaml", &e), -ENOENT);
	assert_string_equal(e.msg, "reading /none/kago.yaml: No such file or directory");
	assert_null(c);
}

static void test_set(void **state)
{
	CLEANUP(config_freep) struct config *c = loaded("fleet: a\n");
	struct err e = {0};

	(void)state;
	assert_int_equal(config_set(c, "fleet", "b", &e), 0);
	assert_string_equal(c->fleet, "b");
	assert_int_equal(config_set(c, "keepalived.minReloadGap", "1s", &e), 0);
	assert_int_equal(c->keepalived.min_reload_gap, 1000000);
	assert_int_equal(config_set(c, "http.listen", "", &e), 0);
	assert_string_equal(c->http.listen, "");
	assert_int_equal(config_set(c, "node.nodeAddress", "10.0.0.7", &e), 0);
	assert_address(&c->node.node_address, "10.0.0.7");
	assert_int_equal(config_set(c, "bgp.as", "65000", &e), 0);
	/* The name of a pod may be one label that is longer than those of hosts. */
	assert_int_equal(config_set(c, "kubernetes.identity",
				 "a-fleet-of-load-balancers-whose-name-is-longer-than-the-name-"
				 "of-any-host-may-be-5d4f8b",
				 &e),
		0);
	assert_int_equal(c->bgp.as, 65000);
	assert_int_equal(config_set(c, "kubernetes.defaultClass", "true", &e), 0);
	assert_true(c->kubernetes.default_class);
	assert_int_equal(config_set(c, "kubernetes.namespace", "", &e), 0);
	assert_string_equal(c->kubernetes.namespace, "");
}

/* What the file says may be right with what a flag says, or wrong. */
static void test_keys_are_held_against_each_other_once_all_are_set(void **state)
{
	static const char peers[] = "bgp:\n  peers: [{address: 10.0.0.1}]\n";
	CLEANUP(config_freep) struct config *c = NULL, *other = NULL;
	CLEANUP_FREE char *expected = xasprintf(
		"%s:1:1: keepalived.shutdownTimeout: must be longer than node.drain", path);
	struct err e = {0};

	(void)state;
	assert_int_equal(fs_write_atomic(path, peers, sizeof peers - 1, &e), 0);
	assert_int_equal(config_load(&c, path, &e), 0);
	assert_int_equal(config_set(c, "bgp.as", "65000", &e), 0);
	assert_int_equal(config_check(c, &e), 0);
	assert_int_equal(config_load(&other, path, &e), 0);
	assert_int_equal(config_set(other, "bgp.as", "65000", &e), 0);
	assert_int_equal(config_set(other, "node.drain", "5m", &e), 0);
	assert_int_equal(config_check(other, &e), -EINVAL);
	assert_string_equal(e.msg, expected);
}

static void test_set_refuses_what_the_file_would(void **state)
{
	CLEANUP(config_freep) struct config *c = loaded("fleet: a\n");
	struct err e = {0};

	(void)state;
	assert_int_equal(config_set(c, "fleet", "B", &e), -EINVAL);
	assert_true(str_has_prefix(e.msg, "fleet: 'B' is not a DNS label"));
	assert_string_equal(c->fleet, "a");
	assert_int_equal(config_set(c, "node.drain", "6m", &e), -EINVAL);
	assert_string_equal(e.msg, "node.drain: '6m' is not a duration from 0s to 5m");
	assert_int_equal(config_set(c, "node", "x", &e), -EINVAL);
	assert_string_equal(e.msg, "'node' is not a key of the configuration");
	assert_int_equal(config_set(c, "bgp.peers[].as", "1", &e), -EINVAL);
	assert_int_equal(config_set(c, "bgp.peers", "10.0.0.1", &e), -EINVAL);
	assert_string_equal(e.msg, "bgp.peers: is a list, which only the file can set");
}

static void test_peers_without_as_follow_ours(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("bgp:\n"
				  "  as: 65000\n"
				  "  peers:\n"
				  "  - address: 10.0.0.1\n"
				  "  - {address: 10.0.0.2, as: 65000}\n");
	struct err e = {0};

	(void)state;
	assert_int_equal(c->bgp.peers[0].as, 65000);
	assert_int_equal(config_set(c, "bgp.as", "65001", &e), 0);
	assert_int_equal(c->bgp.peers[0].as, 65001);
	assert_int_equal(c->bgp.peers[1].as, 65000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_every_key_of_layer_2),
		cmocka_unit_test(test_every_key_of_a_program),
		cmocka_unit_test(test_every_key_of_routes_and_of_one_peer),
		cmocka_unit_test(test_where_somebody_is_may_be_said_as_kubernetes_takes_it),
		cmocka_unit_test(test_every_key_about_kubernetes),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_the_document_tells_the_truth),
		cmocka_unit_test(test_lists_have_limits),
		cmocka_unit_test(test_a_missing_file),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_keys_are_held_against_each_other_once_all_are_set),
		cmocka_unit_test(test_set_refuses_what_the_file_would),
		cmocka_unit_test(test_peers_without_as_follow_ours),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
