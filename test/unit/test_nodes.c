/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

#define ALL "ipip ip6ip6 gue gue6"

static json_t *lease(const char *name, const char *key, const char *text, const char *node)
{
	json_t *one = json_pack("{s:{s:s, s:s, s:s, s:{s:s, s:s}}}", "metadata", "name", name,
		"namespace", "kago", "resourceVersion", "7", "annotations", key, text,
		"kago.dev/node", node);

	assert_non_null(one);
	return one;
}

static json_t *list(const char *nodes)
{
	return lease("nodes.kago-edge", "kago.dev/tunnel-nodes", nodes, "");
}

static json_t *agent(const char *node, const char *kinds)
{
	CLEANUP_FREE char *name = xasprintf("tunnels.kago-edge.%s", node);

	return lease(name, "kago.dev/tunnels", kinds, node);
}

/* Consumes the Leases. */
static struct tunnels_facts look(enum encapsulation encapsulation, json_t *items)
{
	struct tunnels_facts facts = {.encapsulation = encapsulation};
	json_auto_t *leases = json_pack("{s:o}", "items", items);

	nodes_look(&facts, leases, "edge");
	return facts;
}

static void assert_some(const struct some_nodes *nodes, size_t n, const char *first)
{
	assert_int_equal(nodes->n, n);
	if (n > 0)
		assert_string_equal(nodes->first, first);
}

static void who_is_listed_takes_tunnels(void **state)
{
	CLEANUP(tunnels_facts_done)
	struct tunnels_facts facts = look(ENCAPSULATION_GUE,
		json_pack("[o, o, o, o]", agent("b", ALL), list("a=gue b c=ipip,ip6ip6"),
			agent("a", "gue"), agent("c", "ipip ip6ip6")));

	(void)state;
	assert_true(facts.known);
	assert_int_equal(facts.n_nodes, 3);
	assert_some(&facts.lacking[TUNNELS_IPV4], 1, "c");
	assert_some(&facts.lacking[TUNNELS_IPV6], 2, "a");
	assert_some(&facts.unable, 0, NULL);
	assert_some(&facts.unlisted, 0, NULL);
}

static void agents_that_are_not_listed_are_told(void **state)
{
	CLEANUP(tunnels_facts_done)
	struct tunnels_facts facts = look(ENCAPSULATION_IPIP,
		json_pack("[o, o, o, o, o, o, o]", agent("e", ALL), list("a"), agent("d", ALL),
			agent("a", ALL), agent("c", ""), agent("b", ""),
			lease("tunnels.kago-other.z", "kago.dev/tunnels", ALL, "z")));

	(void)state;
	assert_int_equal(facts.n_nodes, 1);
	assert_some(&facts.unlisted, 2, "d");
	assert_some(&facts.unable, 2, "b");
}

/* As in a fleet that has nothing to do with tunnels. */
static void without_a_list_nobody_takes_any(void **state)
{
	CLEANUP(tunnels_facts_done)
	struct tunnels_facts facts = look(ENCAPSULATION_IPIP,
		json_pack("[o, {}, s]", lease("kago-edge.lb-1", "kago.dev/pod-ips", "", ""), "x"));

	(void)state;
	assert_true(facts.known);
	assert_int_equal(facts.n_nodes, 0);
	assert_some(&facts.unlisted, 0, NULL);
}

static void a_list_that_cannot_be_read_is_an_error(void **state)
{
	CLEANUP(tunnels_facts_done)
	struct tunnels_facts facts =
		look(ENCAPSULATION_IPIP, json_pack("[o, o]", list("b a"), agent("a", ALL)));

	(void)state;
	assert_false(facts.known);
	assert_non_null(facts.error);
	assert_some(&facts.unlisted, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_listed_takes_tunnels),
		cmocka_unit_test(agents_that_are_not_listed_are_told),
		cmocka_unit_test(without_a_list_nobody_takes_any),
		cmocka_unit_test(a_list_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
