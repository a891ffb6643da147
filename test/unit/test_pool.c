/* SPDX-License-Identifier: Apache-2.0 */
#include "config_file.h"

/* Pools; other lists are in test_config.c. */

static void test_pools_are_loaded_with_their_defaults(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded(
		"pools:\n"
		"- name: a\n"
		"  addresses: [10.1.1.0/24, 10.1.2.5-10.1.3.0, 10.1.4.1, 'fd00::/64']\n"
		"- {name: b, autoAssign: false, avoidBuggyIPs: true, namespaces: [shop, web],\n"
		"   addresses: ['fd00:1::1-fd00:1::ff']}\n");
	char range[CONFIG_RANGE_TEXT];

	(void)state;
	assert_int_equal(c->n_pools, 2);
	assert_string_equal(c->pools[0].name, "a");
	assert_int_equal(c->pools[0].n_ranges, 4);
	assert_string_equal(
		config_range_format(range, &c->pools[0].ranges[0]), "10.1.1.0-10.1.1.255");
	assert_string_equal(
		config_range_format(range, &c->pools[0].ranges[1]), "10.1.2.5-10.1.3.0");
	assert_string_equal(config_range_format(range, &c->pools[0].ranges[2]), "10.1.4.1");
	assert_string_equal(config_range_format(range, &c->pools[0].ranges[3]),
		"fd00::-fd00::ffff:ffff:ffff:ffff");
	assert_true(c->pools[0].auto_assign);
	assert_false(c->pools[0].avoid_buggy_ips);
	assert_int_equal(c->pools[0].n_namespaces, 0);
	assert_false(c->pools[1].auto_assign);
	assert_true(c->pools[1].avoid_buggy_ips);
	assert_int_equal(c->pools[1].n_namespaces, 2);
	assert_string_equal(c->pools[1].namespaces[1], "web");
}

/* Whoever comes from there can keep what was written. */
static void test_pools_are_read_as_metallb_reads_them(void **state)
{
	CLEANUP(config_freep)
	struct config *c = loaded("pools:\n"
				  "- name: first.public\n"
				  "  addresses: [10.1.1.9/24, 10.1.2.5 - 10.1.3.0]\n");
	char range[CONFIG_RANGE_TEXT];

	(void)state;
	assert_string_equal(c->pools[0].name, "first.public");
	assert_string_equal(
		config_range_format(range, &c->pools[0].ranges[0]), "10.1.1.0-10.1.1.255");
	assert_string_equal(
		config_range_format(range, &c->pools[0].ranges[1]), "10.1.2.5-10.1.3.0");
	assert_string_equal(strchr(c->note, ':'),
		":3:15: pools[].addresses: '10.1.1.9/24' has host bits set and is read as "
		"10.1.1.0-10.1.1.255");
}

static const struct refusal_case refused[] = {
	{"pools: {name: a}\n", "1:8: pools: must be a list, not an object"},
	{"pools: [a]\n", "1:9: pools: must be an object, not a string"},
	{"pools:\n- addresses: [10.1.1.0/24]\n", "2:3: pools[].name: missing"},
	{"pools:\n- name: ''\n",
		"2:9: pools[].name: '' is not a DNS name: labels of a-z, 0-9 and - with dots "
		"between them, up to 253 bytes"},
	{"pools:\n- name: a\n",
		"2:3: pools[].addresses: missing; the pool 'a' needs some, such as 10.1.1.0/24"},
	{"pools:\n- {name: a, addresses: []}\n",
		"2:3: pools[].addresses: missing; the pool 'a' needs some, such as 10.1.1.0/24"},
	{"pools:\n- {name: a, addresses: [10.1.1.0/24]}\n- {name: a, addresses: [10.1.2.1]}\n",
		"3:3: pools[].name: there are two pools 'a'"},
	{"pools:\n- {name: a, address: x}\n",
		"2:13: pools[]: 'address' is not a key; the keys are name, addresses, autoAssign, "
		"avoidBuggyIPs, namespaces, "
		"perNamespace, perService"},
	{"pools:\n- {name: a, addresses: [7]}\n",
		"2:25: pools[].addresses: must be a range such as 10.1.1.0/24 or "
		"10.1.1.10-10.1.1.20, not a whole number"},
	{"pools:\n- {name: a, addresses: [10.1.1.9-10.1.1.1]}\n",
		"2:25: pools[].addresses: '10.1.1.9-10.1.1.1' is neither ADDRESS/LENGTH nor "
		"FIRST-LAST: the first address is after the last"},
	{"pools:\n- {name: a, addresses: ['10.1.1.9-fd00::1']}\n",
		"2:25: pools[].addresses: '10.1.1.9-fd00::1' is neither ADDRESS/LENGTH nor "
		"FIRST-LAST: the first and the last address are of two families"},
	{"pools:\n- {name: a, addresses: [127.0.0.0/8]}\n",
		"2:25: pools[].addresses: '127.0.0.0/8' has addresses that are not unicast"},
	{"pools:\n- {name: a, addresses: [10.0.0.0-200.0.0.0]}\n",
		"2:25: pools[].addresses: '10.0.0.0-200.0.0.0' has addresses that are not "
		"unicast"},
	{"pools:\n- {name: a, addresses: ['::/1']}\n",
		"2:25: pools[].addresses: '::/1' has addresses that are not unicast"},
	{"pools:\n- {name: a, addresses: ['::2-::ffff:ffff:ffff']}\n",
		"2:25: pools[].addresses: '::2-::ffff:ffff:ffff' is neither ADDRESS/LENGTH nor "
		"FIRST-LAST: '::ffff:ffff:ffff' is an IPv4-mapped address; write it as IPv4"},
	{"pools:\n- {name: a, addresses: ['::2-::fffe:0:0:1']}\n",
		"2:25: pools[].addresses: '::2-::fffe:0:0:1' has addresses that are not unicast"},
	{"pools:\n- {name: a, addresses: [10.1.1.0/24, 10.1.1.7]}\n",
		"2:38: pools[].addresses: 10.1.1.7 overlaps 10.1.1.0-10.1.1.255 of the same pool"},
	{"pools:\n- {name: a, addresses: [10.1.1.0/24]}\n"
	 "- {name: b, addresses: [10.1.0.0-10.1.1.0]}\n",
		"3:25: pools[].addresses: 10.1.0.0-10.1.1.0 overlaps 10.1.1.0-10.1.1.255 of the "
		"pool 'a'"},
	{"pools:\n- {name: a, addresses: [10.1.1.7], namespaces: [a.b]}\n",
		"2:49: pools[].namespaces: 'a.b' is not a DNS label: up to 63 of a-z, 0-9 and -, "
		"no - at the ends"},
	{"pools:\n- {name: a, addresses: [10.1.1.7], namespaces: [{}]}\n",
		"2:49: pools[].namespaces: must be a namespace, not an object"},
	{"pools:\n- {name: a, addresses: [10.1.1.7], autoAssign: 'yes'}\n",
		"2:48: pools[].autoAssign: must be true or false, not a string"},
};

static void test_wrong_pools_are_refused(void **state)
{
	(void)state;
	expect_refused(refused, sizeof refused / sizeof refused[0]);
}

static void test_pools_have_limits(void **state)
{
	static const struct {
		const char *before, *item, *after, *error;
		unsigned n;
	} cases[] = {
		{"pools: [", "{}", "]", "1:8: pools: has 65 items; at most 64 are allowed", 65},
		{"pools: [{addresses: [", "x", "]}]",
			"1:21: pools[].addresses: has 65 items; at most 64 are allowed", 65},
		{"pools: [{namespaces: [", "x", "]}]",
			"1:22: pools[].namespaces: has 257 items; at most 256 are allowed", 257},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_FREE char *text = xstrdup(cases[i].before);

		for (unsigned k = 0; k < cases[i].n; k++) {
			CLEANUP_FREE char *before = text;

			text = xasprintf("%s%s%s%s", before, k ? ", " : "", cases[i].item,
				k == cases[i].n - 1 ? cases[i].after : "");
		}
		expect_refused(&(struct refusal_case){text, cases[i].error}, 1);
	}
}

static void test_an_address_is_found_in_its_pool(void **state)
{
	CLEANUP(config_freep)
	struct config *c =
		loaded("pools:\n"
		       "- {name: a, addresses: [10.1.1.5-10.1.1.7, 10.1.1.9]}\n"
		       "- {name: b, addresses: [10.1.1.8, 'fd00::/64'], namespaces: [x]}\n");
	static const struct {
		const char *addr, *pool;
	} cases[] = {{"10.1.1.4", NULL}, {"10.1.1.5", "a"}, {"10.1.1.7", "a"}, {"10.1.1.8", "b"},
		{"10.1.1.9", "a"}, {"10.1.1.10", NULL}, {"fd00::ffff:0:0:0", "b"},
		{"fd00:0:0:1::", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_pool *pool;
		struct ipaddr addr;
		struct err e = {0};

		assert_int_equal(ipaddr_parse(&addr, cases[i].addr, &e), 0);
		pool = config_pool_of(c->pools, c->n_pools, &addr);
		assert_string_equal(pool ? pool->name : "", cases[i].pool ? cases[i].pool : "");
	}
	assert_true(config_pool_allows(&c->pools[0], "y"));
	assert_true(config_pool_allows(&c->pools[1], "x"));
	assert_false(config_pool_allows(&c->pools[1], "y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools_are_loaded_with_their_defaults),
		cmocka_unit_test(test_pools_are_read_as_metallb_reads_them),
		cmocka_unit_test(test_wrong_pools_are_refused),
		cmocka_unit_test(test_pools_have_limits),
		cmocka_unit_test(test_an_address_is_found_in_its_pool),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
