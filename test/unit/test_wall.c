/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/wall.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

static void assert_judged(const struct wall *w, const char *text, enum wall_verdict expected)
{
	const struct ipnet n = net_of(text);
	enum wall_verdict verdict = wall_judge(w, &n);

	if (verdict != expected)
		fail_msg("%s: %s", text, wall_why(verdict));
}

static void test_without_pools_and_aggregates_any_vip_passes(void **state)
{
	const struct wall w = {0};

	(void)state;
	assert_judged(&w, "10.1.1.1", WALL_PASSES);
	assert_judged(&w, "fd00:1::1", WALL_PASSES);
}

static void test_pools_and_aggregates_are_the_wall(void **state)
{
	struct config_range ranges[] = {{addr_of("10.1.1.10"), addr_of("10.1.1.20")},
		{addr_of("fd00:1::"), addr_of("fd00:1::ff")}};
	const struct config_pool pool = {.ranges = ranges, .n_ranges = 2};
	const struct ipnet aggregate = net_of("10.2.0.0/16");
	const struct wall w = {&pool, 1, &aggregate, 1, NULL, 0};
	const struct wall pools_only = {&pool, 1, NULL, 0, NULL, 0};
	const struct wall aggregates_only = {NULL, 0, &aggregate, 1, NULL, 0};

	(void)state;
	assert_judged(&w, "10.1.1.9", WALL_OUTSIDE);
	assert_judged(&w, "10.1.1.10", WALL_PASSES);
	assert_judged(&w, "10.1.1.20", WALL_PASSES);
	assert_judged(&w, "10.1.1.21", WALL_OUTSIDE);
	assert_judged(&w, "10.2.3.4", WALL_PASSES);
	assert_judged(&w, "10.2.0.0/16", WALL_PASSES);
	assert_judged(&w, "fd00:1::ff", WALL_PASSES);
	assert_judged(&w, "fd00:1::100", WALL_OUTSIDE);
	assert_judged(&pools_only, "10.2.3.4", WALL_OUTSIDE);
	assert_judged(&aggregates_only, "10.1.1.10", WALL_OUTSIDE);
	assert_judged(&aggregates_only, "fd00:1::1", WALL_OUTSIDE);
}

static void test_nobody_elses_address_passes_even_from_a_pool(void **state)
{
	const struct wall_reserved reserved[] = {{addr_of("172.16.1.11"), WALL_POD},
		{addr_of("10.0.0.106"), WALL_NODE}, {addr_of("fd00:10::1"), WALL_PEER}};
	struct config_range range = {addr_of("10.0.0.0"), addr_of("172.31.0.0")};
	const struct config_pool pool = {.ranges = &range, .n_ranges = 1};
	const struct ipnet aggregates[] = {net_of("10.0.0.0/24"), net_of("fd00:10::/64")};
	const struct wall w = {&pool, 1, aggregates, 2, reserved, 3};

	(void)state;
	assert_judged(&w, "172.16.1.11", WALL_POD);
	assert_judged(&w, "10.0.0.106", WALL_NODE);
	assert_judged(&w, "fd00:10::1", WALL_PEER);
	/* As an aggregate in the pod's own table they would cut the pod off. */
	assert_judged(&w, "10.0.0.0/24", WALL_NODE);
	assert_judged(&w, "fd00:10::/64", WALL_PEER);
	/* What such an aggregate contains is meant to be VIPs, all the same. */
	assert_judged(&w, "10.0.0.107", WALL_PASSES);
	assert_judged(&w, "fd00:10::2", WALL_PASSES);
}

static void test_no_default_route_and_no_odd_address_passes(void **state)
{
	const struct wall w = {0};

	(void)state;
	assert_judged(&w, "0.0.0.0/0", WALL_DEFAULT_ROUTE);
	assert_judged(&w, "::/0", WALL_DEFAULT_ROUTE);
	assert_judged(&w, "0.0.0.0", WALL_NO_UNICAST);
	assert_judged(&w, "127.0.0.1", WALL_NO_UNICAST);
	assert_judged(&w, "fe80::1", WALL_NO_UNICAST);
	assert_judged(&w, "224.0.0.1", WALL_NO_UNICAST);
}

static void test_what_does_not_pass_is_told(void **state)
{
	const struct wall_reserved node = {addr_of("10.1.2.1"), WALL_NODE};
	const struct ipnet aggregates[] = {
		net_of("10.1.2.0/24"), net_of("10.1.2.1/32"), net_of("10.1.1.0/24")};
	const struct wall w = {NULL, 0, aggregates, 3, &node, 1};
	struct vip items[] = {{addr_of("10.1.0.1"), true}, {addr_of("10.1.1.1"), false},
		{addr_of("10.1.2.1"), true}, {addr_of("10.1.2.2"), true}};
	const struct vips all = {items, 4};
	CLEANUP_WALL_REFUSALS struct wall_refusals refused = {0};
	struct vips pass = wall_pass(&refused, &all, &w);
	const struct ipnet outside = net_of("10.1.0.1"), inside = net_of("10.1.1.1"),
			   both = net_of("10.1.2.1"), aggregate = net_of("10.1.2.0/24");

	(void)state;
	assert_int_equal(pass.n_items, 2);
	assert_true(ipaddr_equal(&pass.items[0].addr, &items[1].addr));
	assert_false(pass.items[0].usable);
	assert_true(ipaddr_equal(&pass.items[1].addr, &items[3].addr));
	assert_int_equal(refused.n_items, 3);
	assert_int_equal(wall_refusals_find(&refused, &outside), WALL_OUTSIDE);
	assert_int_equal(wall_refusals_find(&refused, &inside), WALL_PASSES);
	assert_int_equal(wall_refusals_find(&refused, &both), WALL_NODE);
	assert_int_equal(wall_refusals_find(&refused, &aggregate), WALL_NODE);
	free(pass.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_pools_and_aggregates_any_vip_passes),
		cmocka_unit_test(test_pools_and_aggregates_are_the_wall),
		cmocka_unit_test(test_nobody_elses_address_passes_even_from_a_pool),
		cmocka_unit_test(test_no_default_route_and_no_odd_address_passes),
		cmocka_unit_test(test_what_does_not_pass_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
