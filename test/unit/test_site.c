/* SPDX-License-Identifier: Apache-2.0 */
#include "node/site.h"

#include "addresses.h"

static const struct config_next_hop node = {.kind = CONFIG_HOP_NODE},
				    pod = {.kind = CONFIG_HOP_POD};

static struct site both_families(void)
{
	return (struct site){
		.pod = {addr_of("172.16.1.11"), addr_of("fd00:1::11")},
		.node = {addr_of("10.0.0.101"), addr_of("fd00::101")},
	};
}

/* Where routes of both families lead, NULL: to nowhere. */
static void expect(const struct site *s, struct config_next_hop hop4, struct config_next_hop hop6,
	const char *leads4, const char *leads6)
{
	const struct config c = {.bgp.next_hop = {hop4, hop6}};
	const struct route_rules rules = site_route_rules(s, &c, NULL, 0);
	char text[IPADDR_TEXT];

	if (leads4)
		assert_string_equal(ipaddr_format(text, rules.next_hop4), leads4);
	else
		assert_null(rules.next_hop4);
	if (leads6)
		assert_string_equal(ipaddr_format(text, rules.next_hop6), leads6);
	else
		assert_null(rules.next_hop6);
}

static void test_each_family_leads_where_it_is_said(void **state)
{
	const struct config_next_hop fixed = {CONFIG_HOP_FIXED, addr_of("192.0.2.7")};
	const struct site s = both_families();

	(void)state;
	expect(&s, node, node, "10.0.0.101", "fd00::101");
	expect(&s, pod, node, "172.16.1.11", "fd00::101");
	expect(&s, node, pod, "10.0.0.101", "fd00:1::11");
	expect(&s, fixed, pod, "192.0.2.7", "fd00:1::11");
}

static void test_a_family_that_is_not_there_leads_nowhere(void **state)
{
	const struct config_next_hop fixed = {CONFIG_HOP_FIXED, addr_of("fd00::7")};
	struct site s = both_families();

	(void)state;
	s.node.v6 = (struct ipaddr){0};
	s.pod.v4 = (struct ipaddr){0};
	expect(&s, node, node, "10.0.0.101", NULL);
	expect(&s, pod, pod, NULL, "fd00:1::11");
	expect(&s, node, fixed, "10.0.0.101", "fd00::7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_family_leads_where_it_is_said),
		cmocka_unit_test(test_a_family_that_is_not_there_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
