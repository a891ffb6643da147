/* SPDX-License-Identifier: Apache-2.0 */
#include "address/pools.h"

#include "addresses.h"
#include "world.h"

static void test_every_address_is_found_in_its_pool(void **state)
{
	static const struct {
		const char *addr, *pool;
	} cases[] = {{"10.1.1.0", ""}, {"10.1.1.1", "public"}, {"10.1.1.3", "public"},
		{"10.1.1.4", ""}, {"10.2.2.3", "shop"}, {"10.2.2.4", ""}, {"10.3.3.253", ""},
		{"10.3.4.1", "reserved"}, {"0.0.0.0", ""}, {"255.255.255.255", ""}, {"::", ""},
		{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "wide"}, {"fd00::2", "public"},
		{"fd00::3", ""}};
	struct world w;
	struct pools pools;

	(void)state;
	world_init(&w);
	pools_init(&pools, w.pools, N_POOLS);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ipaddr a = addr_of(cases[i].addr);
		const struct pool *pool = pools_of(&pools, &a);

		assert_string_equal(pool ? pool->config->name : "", cases[i].pool);
		assert_int_equal(pools_allow(&pools, &a, "shop"), pool != NULL);
		assert_int_equal(pools_allow(&pools, &a, "web"),
			pool && strcmp(pool->config->name, "shop") != 0);
	}
	assert_ptr_equal(pools_named(&pools, "shop"), &pools.items[1]);
	assert_null(pools_named(&pools, "shops"));
	pools_done(&pools);
	world_done(&w);
}

static void test_a_namespace_is_found_among_many(void **state)
{
	static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
	char *namespaces[] = {c, a, d, b};
	struct world w;
	struct pools pools;

	(void)state;
	world_init(&w);
	w.pools[0].namespaces = namespaces;
	w.pools[0].n_namespaces = 4;
	pools_init(&pools, w.pools, 1);
	for (size_t i = 0; i < 4; i++)
		assert_true(pool_allows(&pools.items[0], namespaces[i]));
	assert_false(pool_allows(&pools.items[0], "bb"));
	assert_string_equal(w.pools[0].namespaces[0], "c"); /* the configuration stays as it is */
	pools_done(&pools);
	world_done(&w);
}

static void test_long_lists_of_names_are_cut(void **state)
{
	struct config_pool many[12];
	struct world w;
	struct pools pools;
	CLEANUP_FREE char *names = NULL;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < 12; i++)
		many[i] = w.pools[0];
	pools_init(&pools, many, 12);
	names = pools_names(&pools, &(struct wish){0}, "web");
	assert_string_equal(names, "public, public, public, public, public, public, public, "
				   "public and 4 more");
	pools_done(&pools);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_is_found_in_its_pool),
		cmocka_unit_test(test_a_namespace_is_found_among_many),
		cmocka_unit_test(test_long_lists_of_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
