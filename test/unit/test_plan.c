/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stdio.h>

#include "objects.h"

#define V4(name, service, endpoints, ports)                                                        \
	SLICE(name, service, "addressType: IPv4\nendpoints: [" endpoints "]\nports: [" ports "]")
#define V6(name, service, endpoints, ports)                                                        \
	SLICE(name, service, "addressType: IPv6\nendpoints: [" endpoints "]\nports: [" ports "]")
#define STATUS(vip) "\nstatus: {loadBalancer: {ingress: [{ip: '" vip "'}]}}\n"
#define WEB(vip, more) LB("web", vip, more, "{port: 80, targetPort: http}")

static char *describe(const struct plan *p)
{
	char *text = NULL, pod[IPADDR_TEXT], place[PLACE_TEXT];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < p->n_entries; i++)
		fprintf(out, "%s %s -> %u\n", ipaddr_format(pod, &p->entries[i].pod),
			place_format(place, &p->entries[i].place), p->entries[i].target);
	fclose(out);
	return text;
}

static struct plan *plan_of(const char *objects, enum addressing addressing)
{
	CLEANUP(store_freep) struct store *s = store_new();
	const struct fleet_rules rules = {.fleet = "a", .addressing = addressing};

	put_all(s, objects);
	return plan_build(s, &rules, NULL);
}

static void expect_plan(const char *objects, enum addressing addressing, const char *wanted)
{
	CLEANUP(plan_freep) struct plan *p = plan_of(objects, addressing);
	CLEANUP_FREE char *text = describe(p);

	assert_string_equal(text, wanted);
}

static void test_each_pod_has_its_own_port(void **state)
{
	(void)state;
	expect_plan(WEB("10.1.1.1", "")
			    V4("web-2", "web", "{addresses: [10.0.0.2]}", "{port: 9090}")
				    V4("web-1", "web", "{addresses: [10.0.0.1]}", "{port: 8080}"),
		ADDRESSING_ASKED,
		"10.0.0.1 10.1.1.1 port 80/tcp -> 8080\n"
		"10.0.0.2 10.1.1.1 port 80/tcp -> 9090\n");
}

#define ONE_POD V4("web-1", "web", "{addresses: [10.0.0.1]}", "{port: 8080}")
#define BY_GUE ", kago.dev/tunnel: gue"

static bool has_gue(const char *objects)
{
	CLEANUP(plan_freep) struct plan *p = plan_of(objects, ADDRESSING_ASKED);

	return p->gue;
}

/* So that clients are told of smaller packets. */
static void test_it_knows_whether_anybody_uses_gue(void **state)
{
	(void)state;
	assert_false(has_gue(WEB("10.1.1.1", "") ONE_POD));
	assert_false(has_gue(WEB("10.1.1.1", ", kago.dev/forward: tunnel") ONE_POD));
	assert_false(has_gue(WEB("10.1.1.1", BY_GUE) ONE_POD));
	assert_true(has_gue(WEB("10.1.1.1", ", kago.dev/forward: tunnel" BY_GUE) ONE_POD));
	assert_false(has_gue(WEB("10.1.1.1", ", kago.dev/forward: tunnel" BY_GUE)));
}

#define TO_PODS ", kago.dev/tunnel-to: pods"

/* Else its connections would end when an agent comes to its node. One that is behind another
 * Service, too, has no choice. */
static void test_a_pod_that_takes_tunnels_itself_is_left_alone(void **state)
{
	(void)state;
	expect_plan(LB("own", "10.1.1.1", TO_PODS, "{port: 80}") LB("more", "10.1.1.2", TO_PODS,
			    "{port: 81}") LB("web", "10.1.1.3", "", "{port: 82}") V4("own-1", "own",
			    "{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}", "{port: 80}")
			    V4("more-1", "more", "{addresses: [10.0.0.1]}", "{port: 81}")
				    V4("web-1", "web", "{addresses: [10.0.0.2]}", "{port: 8082}"),
		ADDRESSING_ASKED,
		"10.0.0.2 10.1.1.1 port 80/tcp -> 80\n"
		"10.0.0.2 10.1.1.3 port 82/tcp -> 8082\n");
}

static void test_pods_count_in_any_state(void **state)
{
	(void)state;
	expect_plan(WEB("10.1.1.1", "") V4("web-1", "web",
			    "{addresses: [10.0.0.1], conditions: {ready: false}}, "
			    "{addresses: [10.0.0.2], conditions: {ready: false, serving: true, "
			    "terminating: true}}",
			    "{port: 8080}"),
		ADDRESSING_ASKED,
		"10.0.0.1 10.1.1.1 port 80/tcp -> 8080\n"
		"10.0.0.2 10.1.1.1 port 80/tcp -> 8080\n");
}

static void test_families_and_protocols(void **state)
{
	(void)state;
	expect_plan(LB("dns", "10.1.1.1,fd00::1", "",
			    "{name: u, port: 53, protocol: UDP}, {name: t, port: 53}, "
			    "{name: s, port: 53, protocol: SCTP}") V4("dns-4", "dns",
			    "{addresses: [10.0.0.1]}",
			    "{name: u, port: 1053, protocol: UDP}, {name: t, port: 2053}, "
			    "{name: s, port: 3053, protocol: SCTP}") V6("dns-6", "dns",
			    "{addresses: ['fd00::a']}", "{name: u, port: 4053, protocol: UDP}"),
		ADDRESSING_ASKED,
		"10.0.0.1 10.1.1.1 port 53/tcp -> 2053\n"
		"10.0.0.1 10.1.1.1 port 53/udp -> 1053\n"
		"fd00::a fd00::1 port 53/udp -> 4053\n");
}

static void test_with_an_api_server_the_status_says_the_vip(void **state)
{
	static const char objects[] = WEB("10.1.1.1", "") STATUS("10.1.1.7")
		V4("web-1", "web", "{addresses: [10.0.0.1]}", "{port: 8080}");

	(void)state;
	expect_plan(objects, ADDRESSING_STATUS, "10.0.0.1 10.1.1.7 port 80/tcp -> 8080\n");
	expect_plan(objects, ADDRESSING_ASKED, "10.0.0.1 10.1.1.1 port 80/tcp -> 8080\n");
}

static void test_services_of_other_fleets_are_left_out(void **state)
{
	(void)state;
	expect_plan(WEB("10.1.1.1", ", kago.dev/fleet: b")
			    V4("web-1", "web", "{addresses: [10.0.0.1]}", "{port: 8080}"),
		ADDRESSING_ASKED, "");
}

/* Both select the same pod, and say the same VIP and port. */
static void test_of_rivals_the_older_one_counts(void **state)
{
	(void)state;
	expect_plan(
		LB("a", "10.1.1.1", "", "{port: 80}") LB("b", "10.1.1.1",
			"}, creationTimestamp: '2020-01-01T00:00:00Z', x: {y: z", "{port: 80}")
			V4("a-1", "a", "{addresses: [10.0.0.1]}", "{port: 1}") V4("b-1", "b",
				"{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}", "{port: 2}"),
		ADDRESSING_ASKED,
		"10.0.0.1 10.1.1.1 port 80/tcp -> 2\n"
		"10.0.0.2 10.1.1.1 port 80/tcp -> 2\n");
}

static void test_minus_is_what_is_gone_or_leads_elsewhere(void **state)
{
	CLEANUP(plan_freep)
	struct plan *a =
		plan_of(WEB("10.1.1.1", "") V4("web-1", "web",
				"{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}", "{port: 8080}")
				V4("web-2", "web", "{addresses: [10.0.0.3]}", "{port: 8080}"),
			ADDRESSING_ASKED);
	CLEANUP(plan_freep)
	struct plan *b = plan_of(
		WEB("10.1.1.1", "") V4("web-1", "web", "{addresses: [10.0.0.2]}", "{port: 8080}")
			V4("web-2", "web", "{addresses: [10.0.0.3]}", "{port: 9090}"),
		ADDRESSING_ASKED);
	CLEANUP(plan_freep) struct plan *gone = plan_minus(a, b);
	CLEANUP(plan_freep) struct plan *none = plan_minus(a, a);
	CLEANUP_FREE char *text = describe(gone);

	(void)state;
	assert_string_equal(text, "10.0.0.1 10.1.1.1 port 80/tcp -> 8080\n"
				  "10.0.0.3 10.1.1.1 port 80/tcp -> 8080\n");
	assert_int_equal(none->n_entries, 0);
	assert_true(plan_equal(a, a));
	assert_false(plan_equal(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_pod_has_its_own_port),
		cmocka_unit_test(test_it_knows_whether_anybody_uses_gue),
		cmocka_unit_test(test_a_pod_that_takes_tunnels_itself_is_left_alone),
		cmocka_unit_test(test_pods_count_in_any_state),
		cmocka_unit_test(test_families_and_protocols),
		cmocka_unit_test(test_with_an_api_server_the_status_says_the_vip),
		cmocka_unit_test(test_services_of_other_fleets_are_left_out),
		cmocka_unit_test(test_of_rivals_the_older_one_counts),
		cmocka_unit_test(test_minus_is_what_is_gone_or_leads_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
