/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "addresses.h"

enum { FIRST = 1, SECOND = 2, BOTH = 3 };

static struct routes_out one_route(const char *vip, peer_set peers)
{
	const struct ipaddr addr = addr_of(vip);
	struct routes_out r = {0};
	const struct route route = {
		.net = ipnet_of(&addr), .next_hop = addr_of("10.0.0.106"), .peers = peers};

	routes_out_note(&r, &route.net, &route);
	return r;
}

static struct told wants(const char *vip)
{
	CLEANUP_ROUTES_OUT struct routes_out wanted = one_route(vip, BOTH);
	struct told t = {.n_peers = 2};

	told_want(&t, &wanted);
	return t;
}

static void take_all(struct told *t)
{
	routes_out_done(&t->taken);
	t->taken = routes_out_copy(&t->due);
}

static void test_who_is_held_back_is_due_nothing(void **state)
{
	struct told t = wants("10.1.1.1");

	(void)state;
	assert_int_equal(t.due.items[0].peers, BOTH);
	assert_false(told_all(&t));
	told_hold_back(&t, FIRST);
	assert_int_equal(t.due.items[0].peers, SECOND);
	take_all(&t);
	assert_true(told_all(&t));
	told_hold_back(&t, 0);
	assert_false(told_all(&t));
	told_done(&t);
}

static void test_who_is_lost_has_nothing_and_the_others_keep_theirs(void **state)
{
	struct told t = wants("10.1.1.1");

	(void)state;
	take_all(&t);
	told_lose(&t, SECOND);
	assert_int_equal(t.taken.items[0].peers, FIRST);
	assert_true(told_all(&t));
	told_done(&t);
}

static void test_a_route_is_heard_by_whose_session_is_up(void **state)
{
	struct told t = wants("10.1.1.1");

	(void)state;
	told_hold_back(&t, SECOND);
	take_all(&t);
	told_hear(&t, SECOND);
	assert_int_equal(t.heard.n_items, 0);
	told_hear(&t, BOTH);
	assert_int_equal(t.heard.n_items, 1);
	told_done(&t);
}

static void test_a_new_exabgp_is_told_all_by_everybody(void **state)
{
	struct told t = wants("10.1.1.1");

	(void)state;
	told_hold_back(&t, FIRST);
	take_all(&t);
	told_forget(&t);
	assert_int_equal(t.taken.n_items, 0);
	assert_int_equal(t.due.items[0].peers, BOTH);
	told_done(&t);
}

static void test_peers_keep_their_routes_at_other_places(void **state)
{
	static const int now[] = {PEER_GONE, 0};
	struct told t = wants("10.1.1.1");

	(void)state;
	take_all(&t);
	told_renumber(&t, now, 3);
	assert_int_equal(t.n_peers, 3);
	assert_int_equal(t.taken.items[0].peers, FIRST);
	assert_int_equal(t.wanted.items[0].peers, FIRST);
	assert_true(told_all(&t));
	told_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_held_back_is_due_nothing),
		cmocka_unit_test(test_who_is_lost_has_nothing_and_the_others_keep_theirs),
		cmocka_unit_test(test_a_route_is_heard_by_whose_session_is_up),
		cmocka_unit_test(test_a_new_exabgp_is_told_all_by_everybody),
		cmocka_unit_test(test_peers_keep_their_routes_at_other_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
