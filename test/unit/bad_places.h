/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "place.h"

/* All that can be wrong with a place, one thing each, and what `check` says of it. */

static struct config_range ranges[2];
static struct config_pool pool = {.name = (char *)(uintptr_t) "lan", .ranges = ranges};
static struct config_peer peer = {.port = 179};
static struct config config = {.n_pools = 1, .pools = &pool};

static int set_up(void **state)
{
	struct err e = {0};

	(void)state;
	config.bgp.peers = &peer;
	config.bgp.n_peers = 1;
	config.n_pools = 1;
	config.endpoints.only_pods = true;
	return ipaddr_parse(&peer.address, "10.0.0.1", &e);
}

static void no_file(struct preflight *p)
{
	p->settings.path = NULL;
}

static void wrong_file(struct preflight *p)
{
	p->settings.error = "/etc/kago/kago.yaml:4:17: keepalived.minReloadGap: '5' is not a "
			    "duration from 100ms to 1m; the units are us, ms, s, m and h";
}

static void no_capability(struct preflight *p)
{
	p->kernel.net_admin = false;
	p->programs.nft_asked = false;
}

static void no_ipvs(struct preflight *p)
{
	xreplace(&p->kernel.ipvs_error, "the kernel has no IPVS: modprobe ip_vs on the node");
}

static void no_scheduler(struct preflight *p)
{
	xreplace(&p->kernel.missing_schedulers, "mh");
}

static void untried_scheduler(struct preflight *p)
{
	xreplace(&p->kernel.scheduler_error, "the kernel refused: Cannot allocate memory");
}

static void no_ipv6(struct preflight *p)
{
	xreplace(&p->kernel.ipv6_error,
		"the kernel refused: Address family not supported by protocol");
}

static void no_nftables(struct preflight *p)
{
	xreplace(&p->kernel.nft_error, "line 1:148-152: Error: Could not process rule: Operation "
				       "not supported");
	p->programs.nft_asked = false;
}

static void absent_sysctl(struct preflight *p)
{
	free(steal(p->sysctls.items[0].found));
}

static void no_proc(struct preflight *p)
{
	free(steal(p->sysctls.items[2].found));
}

static void wrong_sysctls(struct preflight *p)
{
	xreplace(&p->sysctls.items[0].found, "0");
	xreplace(&p->sysctls.items[2].found, "1");
}

static void read_only_sysctl(struct preflight *p)
{
	xreplace(&p->sysctls.items[0].found, "0");
	xreplace(&p->sysctls.items[0].refusal, "Read-only file system");
}

static void set_sysctl(struct preflight *p)
{
	xreplace(&p->sysctls.items[0].found, "0");
	p->sysctls.items[0].was_set = true;
}

static void needless_sysctl(struct preflight *p)
{
	xreplace(&p->sysctls.items[1].found, "0");
}

static void wrong_sysctl_of_ipv6(struct preflight *p)
{
	xreplace(&p->sysctls.items[1].found, "0");
	p->network.interfaces[0].ipv6 = true;
}

static void no_interface(struct preflight *p)
{
	free(p->network.interfaces[0].name);
	p->network.n_interfaces = 0;
}

static void two_interfaces(struct preflight *p)
{
	place_add_interface(p, "net1");
	p->network.interfaces[1].rp_filter = 2;
}

static void small_mtu(struct preflight *p)
{
	p->network.interfaces[0].mtu = 1200;
}

static void no_pod_address(struct preflight *p)
{
	xreplace(&p->network.listen.error,
		"http.listen pod:9440: the environment has neither POD_IP nor POD_IPS "
		"(status.podIP and status.podIPs of the downward API)");
	xreplace(&p->network.probes.error,
		"http.probes pod:9441: the environment has neither POD_IP nor POD_IPS "
		"(status.podIP and status.podIPs of the downward API)");
}

static void no_http(struct preflight *p)
{
	xreplace(&p->network.listen.at, "");
	xreplace(&p->network.probes.at, "");
}

static void no_keepalived(struct preflight *p)
{
	free(steal(p->programs.said));
	xreplace(&p->programs.keepalived_error,
		"starting /usr/sbin/keepalived: No such file or directory");
}

static void other_program(struct preflight *p)
{
	xreplace(&p->programs.said, "busybox");
}

static void old_keepalived(struct preflight *p)
{
	xreplace(&p->programs.said, "Keepalived v2.0.20 (01/22,2020)");
}

static void slow_keepalived(struct preflight *p)
{
	xreplace(&p->programs.said, "Keepalived v2.2.8 (04/04,2023), git commit v2.2.7-154");
}

static void broken_template(struct preflight *p)
{
	xreplace(&p->programs.template_error,
		"/etc/kago/own.mustache:7:3: section 'servers' is not closed");
}

static void refused_template(struct preflight *p)
{
	xreplace(&p->programs.template_path, "/etc/kago/own.mustache");
	xreplace(&p->programs.complaints, "(Line 3) Unknown keyword 'virtual_sever'");
	p->programs.accepted = false;
}

static void odd_template(struct preflight *p)
{
	refused_template(p);
	p->programs.accepted = p->programs.warned = true;
}

static void untested_template(struct preflight *p)
{
	refused_template(p);
	xreplace(&p->programs.complaints, "signal 9 (Killed)");
	p->programs.untested = true;
}

static void broken_nft_template(struct preflight *p)
{
	xreplace(&p->programs.nft_error,
		"/etc/kago/own.mustache: line 12:1-4: Error: syntax error, unexpected newline");
}

static void no_cluster(struct preflight *p)
{
	p->api.asked = false;
	p->settings.from_kubernetes = false;
}

static void no_account(struct preflight *p)
{
	xreplace(&p->api.credentials_error,
		"no --kubeconfig, and no service account of a pod: service account: "
		"/var/run/secrets/kubernetes.io/serviceaccount/token: No such file or directory");
}

static void unreachable(struct preflight *p)
{
	xreplace(&p->api.error, "https://10.0.0.1:443: Connection timed out after 5001 "
				"milliseconds");
	p->api.unreachable = true;
}

static void unauthorized(struct preflight *p)
{
	xreplace(&p->api.error, "HTTP 401: Unauthorized");
}

static void be_version(struct preflight *p, unsigned minor)
{
	CLEANUP_FREE char *version = xasprintf("v1.%u.0", minor);

	p->api.minor = minor;
	xreplace(&p->api.version, version);
}

static void old_server(struct preflight *p)
{
	be_version(p, 28);
}

static void hesitant_server(struct preflight *p)
{
	be_version(p, 29);
}

static void recent_server(struct preflight *p)
{
	be_version(p, 32);
}

static void answer_all(struct preflight *p, enum api_answer answer)
{
	for (size_t i = 0; i < N_PERMISSIONS; i++)
		p->api.may[i] = answer;
}

static void no_permissions(struct preflight *p)
{
	answer_all(p, API_DENIED);
}

static void some_permissions(struct preflight *p)
{
	xreplace(&p->api.ns, "shop");
	p->api.may[1] = API_DENIED;
}

static void no_answer(struct preflight *p)
{
	p->api.may[2] = API_NO_ANSWER;
	xreplace(&p->api.may_error, "HTTP 403: selfsubjectaccessreviews is forbidden");
}

static void no_pool(struct preflight *p)
{
	(void)p;
	config.n_pools = 0;
}

static void any_endpoint(struct preflight *p)
{
	(void)p;
	config.endpoints.only_pods = false;
}

static void no_peer(struct preflight *p)
{
	(void)p;
	config.bgp.n_peers = 0;
}

static void silent_peer(struct preflight *p)
{
	xreplace(&p->settings.peers[0].error, "no answer");
}

static void unknown_password(struct preflight *p)
{
	xreplace(&p->settings.peers[0].password_error,
		"/etc/kago-secrets/rr: No such file or directory");
}

static void no_gue(struct preflight *p)
{
	xreplace(&p->kernel.tunnel, "gue");
	xreplace(&p->kernel.tunnel_error, "the kernel makes another tunnel of it");
}

/* The fleet forwards by them, and two nodes take them. */
static void tunnels(struct preflight *p)
{
	p->tunnels.wanted = p->tunnels.from_leases = p->tunnels.known = true;
	p->tunnels.n_nodes = 2;
	xreplace(&p->kernel.tunnel, "ipip");
}

static void small_tunnels(struct preflight *p)
{
	tunnels(p);
	p->tunnels.encapsulation = ENCAPSULATION_GUE;
	p->network.interfaces[0].ipv6 = true;
	p->network.interfaces[0].mtu = 1300;
}

static void no_tunnel_nodes(struct preflight *p)
{
	tunnels(p);
	p->tunnels.n_nodes = 0;
}

static void no_configured_nodes(struct preflight *p)
{
	no_tunnel_nodes(p);
	p->tunnels.from_leases = false;
}

static void unknown_nodes(struct preflight *p)
{
	no_tunnel_nodes(p);
	p->tunnels.known = false;
	xreplace(&p->tunnels.error, "https://10.0.0.1:443: HTTP 403: Forbidden");
}

static void set_nodes(struct some_nodes *nodes, const char *first, size_t n)
{
	xreplace(&nodes->first, first);
	nodes->n = n;
}

static void lacking_kinds(struct preflight *p)
{
	tunnels(p);
	p->network.interfaces[0].ipv6 = true;
	set_nodes(&p->tunnels.lacking[TUNNELS_IPV4], "node-1", 1);
	set_nodes(&p->tunnels.lacking[TUNNELS_IPV6], "node-1", 2);
}

static void lacking_gue(struct preflight *p)
{
	lacking_kinds(p);
	p->tunnels.encapsulation = ENCAPSULATION_GUE;
}

/* Though nobody asks for tunnels by default. */
static void idle_agents(struct preflight *p)
{
	p->tunnels.from_leases = p->tunnels.known = true;
	p->tunnels.n_nodes = 1;
	set_nodes(&p->tunnels.unable, "node-3", 1);
	set_nodes(&p->tunnels.unlisted, "node-4", 3);
}

static void add_range(const char *text)
{
	struct err e = {0};

	if (config_range_parse(&ranges[pool.n_ranges++], text, &e) < 0)
		fail_msg("%s", e.msg);
}

/* VIPs of the node's network. */
static void layer2(struct preflight *p)
{
	struct err e = {0};

	config.announce = CONFIG_ANNOUNCE_L2;
	config.bgp.n_peers = 0;
	add_range("192.168.1.200-192.168.1.220");
	if (ipaddr_parse(&p->layer2.node[p->layer2.n_node++], "192.168.1.10", &e) < 0)
		fail_msg("%s", e.msg);
}

static void layer2_with_own_address(struct preflight *p)
{
	layer2(p);
	add_range("192.168.1.0/28");
}

static void layer2_of_another_family(struct preflight *p)
{
	layer2(p);
	add_range("fd00::/120");
}

static void layer2_elsewhere(struct preflight *p)
{
	layer2(p);
	pool.n_ranges = 0;
	add_range("10.1.1.0/24");
}

/* VIPs that a program tells of. */
static void program(struct preflight *p)
{
	config.announce = CONFIG_ANNOUNCE_EXEC;
	config.bgp.n_peers = 0;
	p->programs.exec = xstrdup("/kago-exec/cloud.py");
}

static void no_program(struct preflight *p)
{
	program(p);
	p->programs.exec_error = xstrdup("No such file or directory");
}

static void no_program_here(struct preflight *p)
{
	no_program(p);
	p->programs.exec_may_be_elsewhere = true;
}

typedef void change_fn(struct preflight *p);

static change_fn *const changes[] = {no_file, wrong_file, no_capability, no_ipvs, no_scheduler,
	untried_scheduler, no_ipv6, no_nftables, absent_sysctl, no_proc, wrong_sysctls,
	read_only_sysctl, set_sysctl, needless_sysctl, wrong_sysctl_of_ipv6, no_interface,
	two_interfaces, small_mtu, no_pod_address, no_http, no_keepalived, other_program,
	old_keepalived, slow_keepalived, broken_template, refused_template, odd_template,
	untested_template, broken_nft_template, no_cluster, no_account, unreachable, unauthorized,
	old_server, hesitant_server, recent_server, no_permissions, some_permissions, no_answer,
	no_gue, tunnels, small_tunnels, no_tunnel_nodes, no_configured_nodes, unknown_nodes,
	lacking_kinds, lacking_gue, idle_agents, no_pool, any_endpoint, no_peer, silent_peer,
	unknown_password, layer2, layer2_with_own_address, layer2_of_another_family,
	layer2_elsewhere, program, no_program, no_program_here};
enum { N_CHANGES = sizeof changes / sizeof changes[0] };

static void judge(struct findings *ret, change_fn *change)
{
	CLEANUP_PREFLIGHT struct preflight p;

	place_init(&p, &config);
	if (change)
		change(&p);
	*ret = (struct findings){0};
	preflight_judge(ret, &p);
	config.n_pools = config.bgp.n_peers = 1;
	config.endpoints.only_pods = true;
	config.announce = CONFIG_ANNOUNCE_BGP;
	pool.n_ranges = 0;
}
