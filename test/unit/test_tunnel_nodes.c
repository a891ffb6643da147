/* SPDX-License-Identifier: Apache-2.0 */
#include "app/tunnel_nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addresses.h"
#include "base/mem.h"

static void only_other_nodes_are_news(void **state)
{
	CLEANUP(tunnel_nodes_done) struct tunnel_nodes t = {0};

	(void)state;
	assert_false(t.known);
	assert_false(tunnel_nodes_told(&t, "", ""));
	assert_true(t.known);
	assert_true(tunnel_nodes_told(&t, "a b", ""));
	assert_false(tunnel_nodes_told(&t, "a b", ""));
	assert_true(tunnel_set_kinds(&t.set, "b"));
	assert_true(tunnel_nodes_told(&t, "", ""));
	assert_false(tunnel_set_kinds(&t.set, "b"));
}

static void their_addresses_are_news_too(void **state)
{
	CLEANUP(tunnel_nodes_done) struct tunnel_nodes t = {0};
	struct ipaddr host = addr_of("10.0.0.1");

	(void)state;
	assert_true(tunnel_nodes_told(&t, "a b", ""));
	assert_true(tunnel_nodes_told(&t, "a b", "10.0.0.1"));
	assert_true(tunnel_set_is_own(&t.set, &host));
	assert_false(tunnel_nodes_told(&t, "a b", "10.0.0.1"));
	assert_false(tunnel_nodes_told(&t, "a", "10.0.0.1,..."));
	assert_true(tunnel_set_kinds(&t.set, "b"));
	assert_true(tunnel_set_is_own(&t.set, &host));
	assert_true(tunnel_nodes_told(&t, "a b", ""));
	assert_false(tunnel_set_is_own(&t.set, &host));
}

static void what_nobody_writes_changes_nothing(void **state)
{
	CLEANUP(tunnel_nodes_done) struct tunnel_nodes t = {0};

	(void)state;
	assert_true(tunnel_nodes_told(&t, "a", ""));
	assert_false(tunnel_nodes_told(&t, "b a", ""));
	assert_true(tunnel_set_kinds(&t.set, "a"));
	assert_false(tunnel_set_kinds(&t.set, "b"));
}

static void the_configuration_may_name_them_in_any_order(void **state)
{
	CLEANUP(tunnel_nodes_done) struct tunnel_nodes t = {0};
	char b[] = "b", a[] = "a", *nodes[] = {b, a, b};
	struct config c = {.tunnel = {.nodes = nodes, .n_nodes = 3}};

	(void)state;
	tunnel_nodes_configured(&t, &c);
	assert_true(t.known);
	assert_int_equal(t.set.nodes.n_items, 2);
	assert_true(tunnel_set_kinds(&t.set, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_other_nodes_are_news),
		cmocka_unit_test(their_addresses_are_news_too),
		cmocka_unit_test(what_nobody_writes_changes_nothing),
		cmocka_unit_test(the_configuration_may_name_them_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
