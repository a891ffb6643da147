/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/doors.h"

#include <stdio.h>

#include "addresses.h"
#include "objects.h"

#define PORT "\nports: [{port: 8080}]"
#define ON(addr, node) "{addresses: [" addr "], nodeName: " node "}"
#define DRAINS(addr, node)                                                                         \
	"{addresses: [" addr "], nodeName: " node                                                  \
	", conditions: {ready: false, serving: true, terminating: true}}"
#define WEB(endpoints)                                                                             \
	LB("web", "10.1.1.1", "", "{port: 80, targetPort: 8080}")                                  \
	SLICE("web-1", "web", "addressType: IPv4\nendpoints: [" endpoints "]" PORT)

static char *describe(const struct doors *d)
{
	char *text = NULL, addr[IPADDR_TEXT], place[PLACE_TEXT];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < d->n_items; i++) {
		const struct door *one = &d->items[i];

		fprintf(out, "%s %s", place_format(place, &one->place),
			ipaddr_format(addr, &one->first));
		fprintf(out, " %s\n", one->next.family ? ipaddr_format(addr, &one->next) : "-");
	}
	fclose(out);
	return text;
}

static struct doors *doors_of(const char *objects, const char *node, size_t max)
{
	const unsigned kind = tunnel_kind(ENCAPSULATION_IPIP, AF_INET);
	const struct ipaddr host = addr_of("10.0.4.9");
	const struct tunnel_node known[] = {{.name = "n1", .kinds = kind},
		{.name = "n2", .kinds = kind}, {.name = "n3", .kinds = TUNNEL_ALL},
		{.name = "n4", .kinds = TUNNEL_ALL, .own = &host, .n_own = 1},
		{.name = "n5", .kinds = TUNNEL_ALL & ~kind}};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(plan_freep) struct plan *plan = NULL;
	struct tunnel_set nodes;
	const struct fleet_rules rules = {.fleet = "a", .tunnel_nodes = &nodes};
	struct doors *d;

	tunnel_set_build(&nodes, known, sizeof known / sizeof known[0]);
	put_all(s, objects);
	plan = plan_build(s, &rules, node);
	d = doors_build(s, &rules, plan, node, max);
	tunnel_set_done(&nodes);
	return d;
}

static void expect(const char *objects, const char *node, size_t max, const char *wanted)
{
	CLEANUP(doors_freep) struct doors *d = doors_of(objects, node, max);
	CLEANUP_FREE char *text = describe(d);

	assert_string_equal(text, wanted);
}

static void test_nodes_are_asked_one_after_another(void **state)
{
	static const char web[] = WEB(ON("10.0.3.1", "n3") ", " ON("10.0.1.1", "n1") ", " ON(
		"10.0.2.2", "n2") ", " ON("10.0.2.1", "n2"));

	(void)state;
	expect(web, "n1", 8, "10.1.1.1 port 80/tcp 10.0.2.1 10.0.2.1\n");
	expect(web, "n2", 8, "10.1.1.1 port 80/tcp 10.0.1.1 10.0.3.1\n");
	expect(web, "n3", 8, "10.1.1.1 port 80/tcp 10.0.1.1 -\n");
}

static void test_a_place_without_others_has_no_door(void **state)
{
	(void)state;
	expect(WEB(ON("10.0.1.1", "n1") ", " ON("10.0.1.2", "n1")), "n1", 8, "");
	expect(WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2")), "n1", 0, "");
}

static void test_only_nodes_that_take_tunnels_are_asked(void **state)
{
	(void)state;
	expect(WEB(ON("10.0.1.1", "n1") ", " ON("10.0.5.1", "n5") ", " ON(
		       "10.0.9.1", "n9") ", {addresses: [10.0.9.2]}"),
		"n1", 8, "");
}

/* What comes there in a tunnel goes nowhere. */
static void test_nobody_is_asked_at_the_nodes_own_address(void **state)
{
	(void)state;
	expect(WEB(ON("10.0.1.1", "n1") ", " DRAINS("10.0.4.9", "n4")), "n1", 8, "");
	expect(WEB(ON("10.0.1.1", "n1") ", " DRAINS("10.0.4.9", "n4") ", " ON("10.0.4.2", "n4")),
		"n1", 8, "10.1.1.1 port 80/tcp 10.0.4.2 10.0.4.2\n");
}

static void test_places_of_others_are_none_of_ours(void **state)
{
	(void)state;
	expect(WEB(ON("10.0.2.1", "n2") ", " ON("10.0.3.1", "n3")), "n1", 8, "");
}

/* Their nodes do not know them, though one of ours is behind another Service, too. */
static void test_pods_that_take_tunnels_themselves_are_not_asked(void **state)
{
	static const char own[] = LB("own", "10.1.1.2", ", kago.dev/tunnel-to: pods",
		"{port: 8080}") SLICE("own-1", "own",
		"addressType: IPv4\nendpoints: [" ON("10.0.1.1", "n1") ", " ON(
			"10.0.3.1", "n3") "]" PORT);
	CLEANUP_FREE char *both =
		xasprintf("%s%s", own, WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2")));

	(void)state;
	expect(both, "n1", 8, "10.1.1.1 port 80/tcp 10.0.2.1 10.0.2.1\n");
}

static void test_udp_has_no_door(void **state)
{
	(void)state;
	expect(LB("dns", "10.1.1.1", "", "{port: 53, protocol: UDP}") SLICE("dns-1", "dns",
		       "addressType: IPv4\nports: [{port: 53, protocol: UDP}]\n"
		       "endpoints: [" ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2") "]"),
		"n1", 8, "");
}

/* Of more nodes than may be asked. */
static void test_nodes_with_pods_that_drain_come_first(void **state)
{
	static const char web[] = WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2") ", " ON(
		"10.0.3.1", "n3") ", " DRAINS("10.0.4.1", "n4"));

	(void)state;
	expect(web, "n1", 2, "10.1.1.1 port 80/tcp 10.0.4.1 10.0.4.1\n");
	expect(web, "n2", 2, "10.1.1.1 port 80/tcp 10.0.1.1 10.0.4.1\n");
	expect(web, "n4", 2, "10.1.1.1 port 80/tcp 10.0.1.1 -\n");
}

static void test_slices_of_a_service_are_one(void **state)
{
	(void)state;
	expect(WEB(ON("10.0.1.1", "n1")) SLICE("web-2", "web",
		       "addressType: IPv4\nendpoints: [" ON("10.0.2.1", "n2") "]" PORT),
		"n1", 8, "10.1.1.1 port 80/tcp 10.0.2.1 10.0.2.1\n");
}

/* 10.0.N.1 is of node nN. */
static unsigned node_of(const struct ipaddr *pod)
{
	return pod->bytes[2];
}

/* Wherever a load balancer sends a packet: it comes to all nodes, and to an end. */
static void test_a_packet_comes_to_each_node(void **state)
{
	static const char web[] = WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2") ", " ON(
		"10.0.3.1", "n3") ", " DRAINS("10.0.4.1", "n4"));

	(void)state;
	for (unsigned start = 1; start <= 4; start++) {
		unsigned seen = 1U << start, hops = 0;

		for (unsigned at = start, is_first = 1; at != 0; is_first = 0, hops++) {
			CLEANUP_FREE char *name = xasprintf("n%u", at);
			CLEANUP(doors_freep) struct doors *d = doors_of(web, name, 8);

			assert_int_equal(d->n_items, 1);
			at = node_of(is_first ? &d->items[0].first : &d->items[0].next);
			seen |= 1U << at;
			assert_true(hops <= 4);
		}
		assert_int_equal(seen & 0x1e, 0x1e);
	}
}

static void test_equal(void **state)
{
	CLEANUP(doors_freep)
	struct doors *a = doors_of(WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.1", "n2")), "n1", 8);
	CLEANUP(doors_freep)
	struct doors *b = doors_of(WEB(ON("10.0.1.1", "n1") ", " ON("10.0.2.2", "n2")), "n1", 8);

	(void)state;
	assert_true(doors_equal(a, a));
	assert_false(doors_equal(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_are_asked_one_after_another),
		cmocka_unit_test(test_a_place_without_others_has_no_door),
		cmocka_unit_test(test_only_nodes_that_take_tunnels_are_asked),
		cmocka_unit_test(test_nobody_is_asked_at_the_nodes_own_address),
		cmocka_unit_test(test_places_of_others_are_none_of_ours),
		cmocka_unit_test(test_pods_that_take_tunnels_themselves_are_not_asked),
		cmocka_unit_test(test_udp_has_no_door),
		cmocka_unit_test(test_nodes_with_pods_that_drain_come_first),
		cmocka_unit_test(test_slices_of_a_service_are_one),
		cmocka_unit_test(test_a_packet_comes_to_each_node),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
