/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/limits.h"
#include "decide/refusals.h"
#include "objects.h"

#define READY "{addresses: [10.0.0.1]}"
#define V4(name, service, endpoints, ports)                                                        \
	SLICE(name, service, "addressType: IPv4\nendpoints: [" endpoints "]\nports: [" ports "]")
#define V6(name, service, endpoints, ports)                                                        \
	SLICE(name, service, "addressType: IPv6\nendpoints: [" endpoints "]\nports: [" ports "]")
#define POD(addr, ready, serving, terminating)                                                     \
	"{addresses: ['" addr "'], conditions: {ready: " ready ", serving: " serving               \
	", terminating: " terminating "}}"

static void print_real(FILE *out, const struct real_server *real)
{
	char addr[IPADDR_TEXT];

	fprintf(out, " %s %u w%u", ipaddr_format(addr, &real->addr), real->port, real->weight);
	if (real->forward.method == FORWARD_TUNNEL)
		fprintf(out, " %s to %u", forward_name(&real->forward), real->target);
	else
		assert_int_equal(real->target, real->port);
}

/* Real servers with tunnels have the port behind it. */
static void print_server(FILE *out, const struct virtual_server *vs)
{
	char addr[IPADDR_TEXT];

	fprintf(out, "%s/%s %s %u %u:", vs->ns, vs->name, ipaddr_format(addr, &vs->vip),
		vs->protocol, vs->port);
	for (size_t i = 0; i < vs->n_reals; i++)
		print_real(out, &vs->reals[i]);
	fputc('\n', out);
}

/* All that users notice of a fleet, as text. */
static char *describe(const struct fleet *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < f->n_servers; i++)
		print_server(out, f->servers[i]);
	for (size_t i = 0; i < f->n_services; i++)
		fprintf(out, "%s/%s %s: %s\n", f->services[i]->ns, f->services[i]->name,
			reason_name(f->services[i]->reason), f->services[i]->message);
	fclose(out);
	return text;
}

static void expect_with(const struct fleet_rules *rules, const char *objects, const char *wanted)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	CLEANUP_FREE char *text = NULL;

	put_all(s, objects);
	f = fleet_build(s, rules);
	text = describe(f);
	assert_string_equal(text, wanted);
}

static void expect_fleet(const char *objects, const char *wanted)
{
	expect_with(&(struct fleet_rules){.fleet = "a"}, objects, wanted);
}

static void test_nothing_makes_an_empty_fleet(void **state)
{
	(void)state;
	expect_fleet("", "");
	expect_fleet(V4("web-1", "web", READY, "{port: 80}"), "");
}

static void test_ports_are_found_by_name_and_protocol(void **state)
{
	(void)state;
	expect_fleet(LB("dns", "10.1.1.1", "",
			     "{name: udp, port: 53, protocol: UDP, targetPort: dns}, "
			     "{name: tcp, port: 53, targetPort: dns}, {name: http, port: 80, "
			     "targetPort: "
			     "8080}") V4("dns-1", "dns", READY,
			     "{name: udp, port: 1053, protocol: UDP}, {name: tcp, port: 2053}, "
			     "{name: http, port: 8080}"),
		"shop/dns 10.1.1.1 6 53: 10.0.0.1 2053 w1\n"
		"shop/dns 10.1.1.1 6 80: 10.0.0.1 8080 w1\n"
		"shop/dns 10.1.1.1 17 53: 10.0.0.1 1053 w1\n"
		"shop/dns Served: 3 virtual servers with 3 real servers\n");
}

static void test_a_slice_without_ports_leads_nowhere(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web", READY, ""),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/TCP (no EndpointSlice has the TCP "
		"port ''); 0 virtual servers with 0 real servers\n");
}

/* The Service has the new name before its slices have it. */
static void test_a_port_that_gets_another_name_is_served_on(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "",
			     "{name: http, port: 80, targetPort: 8080}, "
			     "{name: dns, port: 53, targetPort: 8080, protocol: UDP}, "
			     "{name: b, port: 81, targetPort: x}") V4("web-1", "web", READY,
			     "{name: '', port: 8080}, {name: other, port: 8081}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 8080 w1\n"
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:81/TCP (no EndpointSlice has the TCP "
		"port 'b'), 10.1.1.1:53/UDP (no EndpointSlice has the UDP port 'dns'); 1 virtual "
		"server with 1 real server\n");
}

#define ON(addr, node) "{addresses: ['" addr "'], nodeName: " node "}"
#define TUNNEL ", kago.dev/forward: tunnel"

static void expect_with_list(enum forward_method method, const char *nodes, const char *own,
	const char *objects, const char *wanted)
{
	CLEANUP(tunnel_set_done) struct tunnel_set set = {0};
	struct err e = {0};

	assert_int_equal(tunnel_set_parse(&set, nodes, own, 100, &e), 0);
	expect_with(&(struct fleet_rules){.fleet = "a", .forward = method, .tunnel_nodes = &set},
		objects, wanted);
}

static void expect_with_nodes(
	enum forward_method method, const char *nodes, const char *objects, const char *wanted)
{
	expect_with_list(method, nodes, "", objects, wanted);
}

static void test_pods_on_nodes_that_take_tunnels_get_one(void **state)
{
	static const char objects[] = LB("web", "10.1.1.1", TUNNEL, "{port: 80}") V4("web-1", "web",
		ON("10.0.0.1", "n1") ", " ON("10.0.0.2", "n2") ", " ON("10.0.0.3", "n1"),
		"{port: 8080}");

	(void)state;
	expect_with_nodes(FORWARD_NAT, "n1 n2", objects,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080 "
		"10.0.0.2 80 w1 ipip to 8080 10.0.0.3 80 w1 ipip to 8080\n"
		"shop/web Served: 1 virtual server with 3 real servers\n");
	expect_with_nodes(FORWARD_NAT, "n1", objects,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080 "
		"10.0.0.2 8080 w1 10.0.0.3 80 w1 ipip to 8080\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 3 real "
		"servers, on nodes that take no ipip tunnels); 1 virtual server with 3 real "
		"servers\n");
}

static void test_packets_are_put_into_what_a_service_says(void **state)
{
	static const char objects[] = LB("a", "10.1.1.1", "", "{port: 80}")
		LB("b", "10.1.1.2", ", kago.dev/tunnel: ipip", "{port: 80}") V4(
			"a-1", "a", ON("10.0.0.1", "n1") ", " ON("10.0.0.2", "n2"), "{port: 8080}")
			V4("b-1", "b", ON("10.0.0.1", "n1"), "{port: 80}");
	CLEANUP(tunnel_set_done) struct tunnel_set set = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(tunnel_set_parse(&set, "n1 n2=ipip", "", 100, &e), 0);
	expect_with(&(struct fleet_rules){.fleet = "a",
			    .forward = FORWARD_TUNNEL,
			    .encapsulation = ENCAPSULATION_GUE,
			    .gue_port = 6080,
			    .tunnel_nodes = &set},
		objects,
		"shop/a 10.1.1.1 6 80: 10.0.0.1 80 w1 gue to 8080 10.0.0.2 8080 w1\n"
		"shop/b 10.1.1.2 6 80: 10.0.0.1 80 w1 ipip to 80\n"
		"shop/a NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 2 real "
		"servers, on nodes that take no gue tunnels); 1 virtual server with 2 real "
		"servers\n"
		"shop/b Served: 1 virtual server with 1 real server\n");
}

static void test_a_node_may_take_one_family_alone(void **state)
{
	static const char objects[] = LB("web", "10.1.1.1,fd00::1", "", "{port: 80}")
		V4("web-1", "web", ON("10.0.0.1", "n1"), "{port: 8080}")
			V6("web-2", "web", ON("fd00::2", "n1"), "{port: 8080}");

	(void)state;
	expect_with_nodes(FORWARD_TUNNEL, "n1=ipip", objects,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080\n"
		"shop/web fd00::1 6 80: fd00::2 8080 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: [fd00::1]:80/TCP (1 of 1 real "
		"servers, on nodes that take no ip6ip6 tunnels); 2 virtual servers with 2 real "
		"servers\n");
}

#define TO_PODS TUNNEL ", kago.dev/tunnel-to: pods"

/* Whatever nodes take, but for what another port, or a node's address, keeps from it. */
static void test_pods_that_take_tunnels_themselves_need_no_node(void **state)
{
	static const char objects[] =
		LB("web", "10.1.1.1,fd00::1", TO_PODS, "{port: 80, targetPort: web}") V4("web-1",
			"web", ON("10.0.0.1", "n1") ", {addresses: ['10.0.0.2']}", "{port: 80}")
			V6("web-2", "web", ON("fd00::2", "n2"), "{port: 80}");
	static const char other[] = LB("web", "10.1.1.1", TO_PODS, "{port: 80, targetPort: web}")
		V4("web-1", "web", ON("10.0.0.1", "n1"), "{port: 80}")
			V4("web-2", "web", ON("10.0.0.2", "n1"), "{port: 8080}");
	static const char all_served[] =
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 80 10.0.0.2 80 w1 ipip to 80\n"
		"shop/web fd00::1 6 80: fd00::2 80 w1 ipip to 80\n"
		"shop/web Served: 2 virtual servers with 3 real servers\n";

	(void)state;
	expect_with(&(struct fleet_rules){.fleet = "a"}, objects, all_served);
	expect_with_nodes(FORWARD_NAT, "n1=gue", objects, all_served);
	expect_with_nodes(FORWARD_NAT, "", other,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 80 10.0.0.2 8080 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 2 real "
		"servers, with another port than the Service's); 1 virtual server with 2 real "
		"servers\n");
	expect_with_list(FORWARD_NAT, "", "10.0.0.1", other,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 10.0.0.2 8080 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (2 of 2 real "
		"servers, 1 with another port than the Service's and 1 at their node's own "
		"address); 1 virtual server with 2 real servers\n");
}

/* As with hostNetwork: the agent takes nothing out that is for its node. */
static void test_endpoints_at_their_nodes_address_get_no_tunnel(void **state)
{
	static const char objects[] = LB("web", "10.1.1.1", TUNNEL, "{port: 80}") V4("web-1", "web",
		ON("10.0.0.1", "n1") ", " ON("10.9.0.1", "n1") ", " ON("10.9.0.2", "n2"),
		"{port: 8080}");

	(void)state;
	expect_with_list(FORWARD_NAT, "n1 n2", "10.9.0.1-10.9.0.2", objects,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080 10.9.0.1 8080 w1 "
		"10.9.0.2 8080 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (2 of 3 real "
		"servers, at their node's own address); 1 virtual server with 3 real servers\n");
	expect_with_list(FORWARD_NAT, "n1", "10.9.0.1", objects,
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080 10.9.0.1 8080 w1 "
		"10.9.0.2 8080 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (2 of 3 real "
		"servers, 1 on nodes that take no ipip tunnels and 1 at their node's own address); "
		"1 virtual server with 3 real servers\n");
	/* A Service that asks for none is told nothing. */
	expect_with_list(FORWARD_NAT, "n1 n2", "10.9.0.1",
		LB("web", "10.1.1.1", "", "{port: 80}")
			V4("web-1", "web", ON("10.9.0.1", "n1"), "{port: 8080}"),
		"shop/web 10.1.1.1 6 80: 10.9.0.1 8080 w1\n"
		"shop/web Served: 1 virtual server with 1 real server\n");
}

static void test_the_fleet_says_what_services_leave_open(void **state)
{
	static const char objects[] = LB("a", "10.1.1.1", "", "{port: 80}")
		LB("b", "10.1.1.2", ", kago.dev/forward: nat", "{port: 80}")
			V4("a-1", "a", ON("10.0.0.1", "n1"), "{port: 8080}")
				V4("b-1", "b", ON("10.0.0.1", "n1"), "{port: 8080}");

	(void)state;
	expect_with_nodes(FORWARD_TUNNEL, "n1", objects,
		"shop/a 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080\n"
		"shop/b 10.1.1.2 6 80: 10.0.0.1 8080 w1\n"
		"shop/a Served: 1 virtual server with 1 real server\n"
		"shop/b Served: 1 virtual server with 1 real server\n");
}

static void test_what_no_tunnel_can_carry_is_told(void **state)
{
	(void)state;
	expect_with_nodes(FORWARD_TUNNEL, "n1",
		LB("web", "10.1.1.1,fd00::1", "",
			"{name: a, port: 80}, {name: b, port: 90, protocol: SCTP}")
			V4("web-1", "web", ON("10.0.0.1", "n1") ", {addresses: [10.0.0.2]}",
				"{name: a, port: 80}, {name: b, port: 90, protocol: SCTP}")
				V6("web-2", "web", ON("fd00::2", "n1"),
					"{name: a, port: 80}, "
					"{name: b, port: 90, protocol: SCTP}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 80 10.0.0.2 80 w1\n"
		"shop/web 10.1.1.1 132 90: 10.0.0.1 90 w1 10.0.0.2 90 w1\n"
		"shop/web fd00::1 6 80: fd00::2 80 w1 ipip to 80\n"
		"shop/web fd00::1 132 90: fd00::2 90 w1\n"
		"shop/web NotTunnelled: by NAT in place of a tunnel: 10.1.1.1:80/TCP (1 of 2 real "
		"servers, on nodes that take no ipip tunnels), 10.1.1.1:90/SCTP (SCTP has no "
		"tunnels), [fd00::1]:90/SCTP (SCTP has no tunnels); "
		"4 virtual servers with 6 real servers\n");
}

/* The agent knows one port behind a virtual server's for each pod. */
static void test_two_ports_of_one_pod_are_one_real_server_in_a_tunnel(void **state)
{
	(void)state;
	expect_with_nodes(FORWARD_NAT, "n1",
		LB("web", "10.1.1.1", TUNNEL, "{port: 80}") V4("web-1", "web", ON("10.0.0.1", "n1"),
			"{port: 8080}") V4("web-2", "web", ON("10.0.0.1", "n1"), "{port: 8081}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 ipip to 8080\n"
		"shop/web Served: 1 virtual server with 1 real server\n");
}

static void test_slices_with_host_names_are_told(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") SLICE("web-1", "web",
			     "addressType: FQDN\nendpoints: [{addresses: [web.example.org]}]"),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/TCP (its EndpointSlices have host "
		"names (FQDN), which kago does not look up); 0 virtual servers with 0 real "
		"servers\n");
}

static void test_slices_are_merged_and_duplicates_dropped(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web",
			     POD("10.0.0.3", "true", "true", "false") "," POD(
				     "10.0.0.1", "false", "true", "true"),
			     "{port: 8080}") V4("web-2", "web",
			     POD("10.0.0.1", "true", "true", "false") "," POD(
				     "10.0.0.3", "false", "false", "false"),
			     "{port: 8080}") V4("web-3", "web", READY, "{port: 9090}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 8080 w1 10.0.0.1 9090 w1 10.0.0.3 8080 w1\n"
		"shop/web Served: 1 virtual server with 3 real servers\n");
}

static void test_draining_ones_keep_weight_0_beside_ready_ones(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web",
			     POD("10.0.0.1", "true", "true", "false") "," POD("10.0.0.2", "false",
				     "true", "true") "," POD("10.0.0.3", "false", "false", "true"),
			     "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1 10.0.0.2 80 w0\n"
		"shop/web Served: 1 virtual server with 2 real servers\n");
}

static void test_draining_ones_serve_if_none_is_ready(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web",
			     POD("10.0.0.1", "false", "false", "false") "," POD(
				     "10.0.0.2", "false", "true", "true"),
			     "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.2 80 w1\n"
		"shop/web Served: 1 virtual server with 1 real server\n");
}

static void test_draining_is_decided_per_virtual_server(void **state)
{
	(void)state;
	/* Only port b has a ready endpoint. */
	expect_fleet(LB("web", "10.1.1.1", "", "{name: a, port: 80}, {name: b, port: 81}") V4(
			     "web-1", "web", POD("10.0.0.1", "false", "true", "true"),
			     "{name: a, port: 80}, {name: b, port: 81}") V4("web-2", "web",
			     POD("10.0.0.2", "true", "true", "false"), "{name: b, port: 81}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/web 10.1.1.1 6 81: 10.0.0.1 81 w0 10.0.0.2 81 w1\n"
		"shop/web Served: 2 virtual servers with 3 real servers\n");
}

static void test_a_vip_gets_endpoints_of_its_family(void **state)
{
	(void)state;
	expect_fleet(LB("web", "fd00::1,10.1.1.1", "", "{port: 80}")
			     V4("web-1", "web", READY, "{port: 80}") V6("web-2", "web",
				     POD("fd01::2", "true", "true", "false"), "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/web fd00::1 6 80: fd01::2 80 w1\n"
		"shop/web Served: 2 virtual servers with 2 real servers\n");
}

static void test_what_has_no_endpoint_is_explained(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1,fd00::1", "", "{port: 80}"),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/TCP (no EndpointSlice), "
		"[fd00::1]:80/TCP (no EndpointSlice); 0 virtual servers with 0 real servers\n");
	expect_fleet(LB("web", "10.1.1.1,fd00::1", "", "{port: 80}")
			     V4("web-1", "web", READY, "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/web NoEndpoints: no endpoints: [fd00::1]:80/TCP (no IPv6 endpoint in its "
		"EndpointSlices); 1 virtual server with 1 real server\n");
	expect_fleet(LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web",
			     POD("10.0.0.1", "false", "false", "false") "," POD(
				     "10.0.0.2", "false", "true", "false"),
			     "{port: 80}"),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are ready); "
		"0 virtual servers with 0 real servers\n");
	expect_fleet(LB("web", "10.1.1.1", "", "{name: x, port: 80, protocol: UDP}")
			     V4("web-1", "web", READY, "{name: x, port: 80}"),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/UDP (no EndpointSlice has the UDP "
		"port 'x'); 0 virtual servers with 0 real servers\n");
}

static void test_long_lists_are_cut_with_their_number(void **state)
{
	(void)state;
	expect_fleet(LB("web", "10.1.1.1,10.1.1.2,10.1.1.3,10.1.1.4,10.1.1.5,10.1.1.6", "",
			     "{port: 80}"),
		"shop/web NoEndpoints: no endpoints: 10.1.1.1:80/TCP (no EndpointSlice), "
		"10.1.1.2:80/TCP (no EndpointSlice), 10.1.1.3:80/TCP (no EndpointSlice), "
		"10.1.1.4:80/TCP (no EndpointSlice) and 2 more; 0 virtual servers with 0 real "
		"servers\n");
}

static void test_the_older_service_wins_a_conflict(void **state)
{
	(void)state;
	expect_fleet(LB("a", "10.1.1.1,10.1.1.2", AT("2026-01-02T00:00:00Z"), "{port: 80}") LB(
			     "b", "10.1.1.1", AT("2026-01-01T23:59:59Z"), "{port: 80}")
			     V4("a-1", "a", READY, "{port: 1}") V4("b-1", "b", READY, "{port: 2}"),
		"shop/b 10.1.1.1 6 80: 10.0.0.1 2 w1\n"
		"shop/a 10.1.1.2 6 80: 10.0.0.1 1 w1\n"
		"shop/a Conflict: already taken: 10.1.1.1:80/TCP by shop/b; 1 virtual server with "
		"1 real server\n"
		"shop/b Served: 1 virtual server with 1 real server\n");
}

static void test_equally_old_services_are_settled_by_name(void **state)
{
	(void)state;
	expect_fleet(LB("b", "10.1.1.1", AT("2026-01-01T00:00:00Z"), "{port: 80}")
			     LB("a", "10.1.1.1", AT("2026-01-01T01:00:00+01:00"), "{port: 80}")
				     LB("0a", "10.1.1.1", "", "{port: 80}")
					     V4("a-1", "a", READY, "{port: 1}"),
		"shop/a 10.1.1.1 6 80: 10.0.0.1 1 w1\n"
		"shop/0a Conflict: already taken: 10.1.1.1:80/TCP by shop/a; 0 virtual servers "
		"with "
		"0 real servers\n"
		"shop/a Served: 1 virtual server with 1 real server\n"
		"shop/b Conflict: already taken: 10.1.1.1:80/TCP by shop/a; 0 virtual servers with "
		"0 real servers\n");
}

static void test_the_same_port_of_another_protocol_is_no_conflict(void **state)
{
	(void)state;
	expect_fleet(LB("a", "10.1.1.1", "", "{port: 53}") LB("b", "10.1.1.1", "",
			     "{port: 53, protocol: UDP}") V4("a-1", "a", READY, "{port: 53}")
			     V4("b-1", "b", READY, "{port: 53, protocol: UDP}"),
		"shop/a 10.1.1.1 6 53: 10.0.0.1 53 w1\n"
		"shop/b 10.1.1.1 17 53: 10.0.0.1 53 w1\n"
		"shop/a Served: 1 virtual server with 1 real server\n"
		"shop/b Served: 1 virtual server with 1 real server\n");
}

static void test_who_is_rejected_holds_nothing(void **state)
{
	(void)state;
	expect_fleet(LB("a", "10.1.1.1", ", kago.dev/scheduler: x" AT("2026-01-01T00:00:00Z"),
			     "{port: 80}") LB("b", "10.1.1.1", "", "{port: 80}")
			     V4("b-1", "b", READY, "{port: 80}"),
		"shop/b 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/a InvalidAnnotation: kago.dev/scheduler: 'x' is none of rr, wrr, lc, wlc, "
		"sh, "
		"mh\n"
		"shop/b Served: 1 virtual server with 1 real server\n");
}

static void test_other_fleets_services_are_not_there(void **state)
{
	(void)state;
	expect_fleet(SERVICE("web", ", annotations: {kago.dev/vip: 10.1.1.1}}\nspec: {type: "
				    "LoadBalancer, loadBalancerClass: kago.dev/b, ports: [{port: "
				    "80}]}") V4("web-1", "web", READY, "{port: 80}"),
		"");
}

static void test_real_servers_over_the_limit_are_told(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	unsigned left = LIMIT_ENDPOINTS + 2;

	(void)state;
	put_all(s, LB("web", "10.1.1.1", "", "{port: 80}"));
	put_all(s, V4("web-x", "web", POD("9.9.9.9", "false", "true", "true"), "{port: 80}"));
	for (unsigned slice = 0; left; slice++) {
		CLEANUP_FREE char *head = xasprintf(SLICE("web-%u", "web",
							    "addressType: IPv4\nports: [{port: "
							    "80}]\nendpoints: []"),
			slice);
		json_auto_t *object = object_of(head);
		enum store_change change;
		struct err e = {0};

		for (unsigned i = 0; i < 1000 && left; i++, left--)
			json_array_append_new(json_object_get(object, "endpoints"),
				json_pack("{s:[o]}", "addresses",
					json_sprintf("10.%u.%u.%u", slice, i / 250, i % 250 + 1)));
		assert_int_equal(store_put(&change, s, object, &e), 0);
	}
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(f->servers[0]->n_reals, LIMIT_ENDPOINTS);
	/* The draining one is left out first. */
	for (size_t i = 0; i < f->servers[0]->n_reals; i++)
		assert_int_equal(f->servers[0]->reals[i].weight, 1);
	assert_int_equal(f->services[0]->outcome, FLEET_SERVED);
	assert_int_equal(f->services[0]->reason, REASON_TOO_MANY_ENDPOINTS);
	assert_string_equal(f->services[0]->message,
		"too many endpoints: 10.1.1.1:80/TCP (3 of 4003 left out); 1 virtual server with "
		"4000 real servers");
}

/* A small generator of its own, so that a seed means the same everywhere. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void shuffle(json_t **objects, size_t n, uint32_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = next_random(seed) % i;
		json_t *kept = objects[i - 1];

		objects[i - 1] = objects[j];
		objects[j] = kept;
	}
}

static char *describe_objects(json_t *const objects[], size_t n)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	for (size_t i = 0; i < n; i++) {
		enum store_change change;
		struct err e = {0};

		assert_int_equal(store_put(&change, s, objects[i], &e), 0);
	}
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	return describe(f);
}

static json_t *random_object(unsigned i, uint32_t *seed)
{
	static const char *const states[] = {
		"{}", "{ready: false}", "{ready: false, serving: true, terminating: true}"};
	CLEANUP_FREE char *yaml = NULL;

	if (i % 4 == 0)
		yaml = xasprintf(LB("s%u", "10.1.1.%u,fd00::%u",
					 "}, creationTimestamp: '2026-01-0%uT00:00:00Z', x: {y: z",
					 "{name: a, port: 80}, {name: b, port: %u}"),
			i / 4, next_random(seed) % 4 + 1, next_random(seed) % 4 + 1,
			next_random(seed) % 3 + 1, 81 + next_random(seed) % 2);
	else
		yaml = xasprintf(SLICE("s%u-%u", "s%u",
					 "addressType: IPv4\nports: [{name: a, port: 1}, {name: b, "
					 "port: 2}]\nendpoints:\n"
					 "- {addresses: [10.0.0.%u], conditions: %s}\n"
					 "- {addresses: [10.0.0.%u], conditions: %s}"),
			i / 4, i % 4, i / 4, next_random(seed) % 6 + 1,
			states[next_random(seed) % 3], next_random(seed) % 6 + 1,
			states[next_random(seed) % 3]);
	return object_of(yaml);
}

static void test_the_order_of_objects_does_not_matter(void **state)
{
	enum { N = 80, ROUNDS = 100 };
	CLEANUP_FREE char *first = NULL;
	json_t *objects[N];
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		objects[i] = random_object(i, &seed);
	first = describe_objects(objects, N);
	assert_non_null(strstr(first, "Conflict"));
	assert_non_null(strstr(first, "w0"));
	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP_FREE char *text = NULL;

		shuffle(objects, N, &seed);
		text = describe_objects(objects, N);
		assert_string_equal(text, first);
	}
	for (unsigned i = 0; i < N; i++)
		json_decref(objects[i]);
}

static void test_each_vip_has_the_sources_of_its_family(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	char net[IPNET_TEXT];

	(void)state;
	put_all(s, LB("web", "10.1.1.1,fd00::1", "",
			   "{port: 80}], loadBalancerSourceRanges: [11.0.0.0/8, 10.0.0.7/8")
			   LB("open", "10.1.1.2", "", "{port: 80}") V4("web-1", "web", READY,
				   "{port: 80}") V4("open-1", "open", READY, "{port: 80}")
				   V6("web-2", "web", "{addresses: ['fd00:2::1']}", "{port: 80}"));
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(f->n_servers, 3);
	assert_true(f->servers[0]->restricted);
	assert_int_equal(f->servers[0]->n_sources, 2);
	assert_string_equal(ipnet_format(net, &f->servers[0]->sources[0]), "10.0.0.0/8");
	assert_string_equal(ipnet_format(net, &f->servers[0]->sources[1]), "11.0.0.0/8");
	assert_false(f->servers[1]->restricted);
	assert_int_equal(f->servers[1]->n_sources, 0);
	/* IPv6 clients are none of those. */
	assert_true(f->servers[2]->restricted);
	assert_int_equal(f->servers[2]->n_sources, 0);
}

static void test_nobody_has_the_endpoints_of_those_who_make_it_work(void **state)
{
	const struct keep_out node = {
		.addr = {AF_INET, {.bytes = {10, 0, 0, 1}}}, .what = "the node's own address"};
	const struct fleet_rules rules = {.fleet = "a", .keep_out = &node, .n_keep_out = 1};

	(void)state;
	expect_with(&rules,
		LB("web", "10.1.1.1", "", "{port: 80}")
			V4("web-1", "web", READY ", {addresses: [10.0.0.2]}", "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.2 80 w1\n"
		"shop/web EndpointsNotAllowed: not allowed: 10.0.0.1 is the node's own address; 1 "
		"virtual server with 1 real server\n");
}

#define SELECTS "selector: {app: web}, "
#define CONTROLLED(by, addr)                                                                       \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                              \
	"metadata: {name: by-" by ", namespace: shop,\n"                                           \
	"           labels: {kubernetes.io/service-name: web,\n"                                   \
	"                    endpointslice.kubernetes.io/managed-by: " by "}}\n"                   \
	"addressType: IPv4\nendpoints: [{addresses: [" addr "]}]\nports: [{port: 80}]\n"
#define SELECTING(more)                                                                            \
	SERVICE("web", ", annotations: {kago.dev/vip: 10.1.1.1}}\n"                                \
		       "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, " more           \
		       "ports: [{port: 80}]}")

static void test_only_what_a_selector_finds_is_used_where_that_is_asked(void **state)
{
	const struct fleet_rules rules = {.fleet = "a", .only_pods = true};

	(void)state;
	expect_with(&rules,
		SELECTING(SELECTS) CONTROLLED("endpointslice-controller.k8s.io", "10.0.0.1")
			CONTROLLED("endpointslicemirroring-controller.k8s.io", "10.0.0.2")
				V4("web-3", "web", "{addresses: [10.0.0.3]}", "{port: 80}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/web EndpointsNotAllowed: not allowed: 10.0.0.2 is not found by its selector "
		"(endpoints.onlyPods), and 1 more; 1 virtual server with 1 real server\n");
	expect_with(&rules, SELECTING("") CONTROLLED("endpointslice-controller.k8s.io", "10.0.0.1"),
		"shop/web EndpointsNotAllowed: no endpoints: 10.1.1.1:80/TCP (it may have none of "
		"1 "
		"endpoints that are ready); not allowed: 10.0.0.1 is not found by its selector "
		"(endpoints.onlyPods); 0 virtual servers with 0 real servers\n");
}

static void refuse(
	struct refusals *r, const char *name, const char *place, const char *addr, uint16_t port)
{
	struct refusal_of what = {.port = port};
	struct objname id;
	struct err e = {0};

	assert_int_equal(place_parse(&what.place, place, &e), 0);
	if (addr)
		assert_int_equal(ipaddr_parse(&what.addr, addr, &e), 0);
	objname_init(&id, "shop", name);
	assert_true(refusals_add(r, &what, &id, addr ? EINVAL : EPROTONOSUPPORT));
	assert_false(refusals_add(r, &what, &id, EINVAL));
	objname_done(&id);
}

static void test_what_the_kernel_refuses_is_left_out_and_told(void **state)
{
	struct refusals *r = refusals_new();
	const struct fleet_rules rules = {.fleet = "a", .refusals = r};

	(void)state;
	refuse(r, "web", "10.1.1.1 port 80/tcp", "10.0.0.254", 80);
	refuse(r, "web", "10.1.1.1 port 80/tcp", "10.0.0.255", 80);
	refuse(r, "all", "10.1.1.2 port 80/tcp", "10.0.0.1", 80);
	refuse(r, "odd", "10.1.1.3 port 81/sctp", NULL, 0);
	expect_with(&rules,
		LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web",
			"{addresses: [10.0.0.255]}, {addresses: [10.0.0.254]}, " READY,
			"{port: 80}") LB("all", "10.1.1.2", "", "{port: 80}")
			V4("all-1", "all", READY, "{port: 80}") LB("odd", "10.1.1.3", "",
				"{name: a, port: 80, targetPort: 80}, {name: b, port: 81, "
				"targetPort: 80, protocol: SCTP}") V4("odd-1", "odd", READY,
				"{name: a, port: 80}, {name: b, port: 80, protocol: SCTP}"),
		"shop/web 10.1.1.1 6 80: 10.0.0.1 80 w1\n"
		"shop/odd 10.1.1.3 6 80: 10.0.0.1 80 w1\n"
		"shop/all RefusedByKernel: no endpoints: 10.1.1.2:80/TCP (the kernel refuses all "
		"of 1 "
		"endpoints that are ready); refused by the kernel: real server 10.0.0.1 port 80 "
		"(Invalid argument); 0 virtual servers with 0 real servers\n"
		"shop/odd RefusedByKernel: refused by the kernel: 10.1.1.3:81/SCTP (Protocol not "
		"supported); 1 virtual server with 1 real server\n"
		"shop/web RefusedByKernel: refused by the kernel: real server 10.0.0.254 port 80 "
		"(Invalid argument) and 1 more of them; 1 virtual server with 1 real server\n");
	refusals_free(r);
}

/* The default is told in the log, once, and not by each Service. */
static void test_another_scheduler_is_in_the_place_of_a_missing_one(void **state)
{
	struct refusals *r = refusals_new();
	const struct fleet_rules rules = {.fleet = "a", .refusals = r};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	refusals_add_scheduler(r, SCHEDULER_MH);
	refusals_add_scheduler(r, SCHEDULER_LC);
	put_all(s, LB("web", "10.1.1.1", "", "{port: 80}") V4("web-1", "web", READY, "{port: 80}")
			   LB("odd", "10.1.1.2", ", kago.dev/scheduler: lc", "{port: 80}")
				   V4("odd-1", "odd", READY, "{port: 80}"));
	f = fleet_build(s, &rules);
	assert_int_equal(f->n_servers, 2);
	assert_int_equal(f->servers[0]->scheduler, SCHEDULER_WLC);
	assert_int_equal(f->servers[1]->scheduler, SCHEDULER_WLC);
	assert_int_equal(f->services[1]->reason, REASON_SERVED);
	assert_int_equal(f->services[0]->reason, REASON_SCHEDULER_MISSING);
	assert_string_equal(f->services[0]->complaint,
		"kago.dev/scheduler: the node's kernel has no lc (module ip_vs_lc): wlc is in its "
		"place");
	refusals_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_kernel_refuses_is_left_out_and_told),
		cmocka_unit_test(test_another_scheduler_is_in_the_place_of_a_missing_one),
		cmocka_unit_test(test_nobody_has_the_endpoints_of_those_who_make_it_work),
		cmocka_unit_test(test_only_what_a_selector_finds_is_used_where_that_is_asked),
		cmocka_unit_test(test_nothing_makes_an_empty_fleet),
		cmocka_unit_test(test_ports_are_found_by_name_and_protocol),
		cmocka_unit_test(test_a_slice_without_ports_leads_nowhere),
		cmocka_unit_test(test_a_port_that_gets_another_name_is_served_on),
		cmocka_unit_test(test_pods_on_nodes_that_take_tunnels_get_one),
		cmocka_unit_test(test_the_fleet_says_what_services_leave_open),
		cmocka_unit_test(test_packets_are_put_into_what_a_service_says),
		cmocka_unit_test(test_a_node_may_take_one_family_alone),
		cmocka_unit_test(test_pods_that_take_tunnels_themselves_need_no_node),
		cmocka_unit_test(test_endpoints_at_their_nodes_address_get_no_tunnel),
		cmocka_unit_test(test_what_no_tunnel_can_carry_is_told),
		cmocka_unit_test(test_two_ports_of_one_pod_are_one_real_server_in_a_tunnel),
		cmocka_unit_test(test_slices_with_host_names_are_told),
		cmocka_unit_test(test_slices_are_merged_and_duplicates_dropped),
		cmocka_unit_test(test_draining_ones_keep_weight_0_beside_ready_ones),
		cmocka_unit_test(test_draining_ones_serve_if_none_is_ready),
		cmocka_unit_test(test_draining_is_decided_per_virtual_server),
		cmocka_unit_test(test_a_vip_gets_endpoints_of_its_family),
		cmocka_unit_test(test_what_has_no_endpoint_is_explained),
		cmocka_unit_test(test_long_lists_are_cut_with_their_number),
		cmocka_unit_test(test_the_older_service_wins_a_conflict),
		cmocka_unit_test(test_equally_old_services_are_settled_by_name),
		cmocka_unit_test(test_the_same_port_of_another_protocol_is_no_conflict),
		cmocka_unit_test(test_who_is_rejected_holds_nothing),
		cmocka_unit_test(test_other_fleets_services_are_not_there),
		cmocka_unit_test(test_real_servers_over_the_limit_are_told),
		cmocka_unit_test(test_the_order_of_objects_does_not_matter),
		cmocka_unit_test(test_each_vip_has_the_sources_of_its_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
