/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

/* " NAME" of each that is held up, in their order. */
static void expect(const struct world *w, const char *wanted)
{
	CLEANUP(allocation_freep) struct allocation *all = world_allocate(w);
	const struct assignment *const *items;
	char *names = xstrdup("");
	size_t n;

	items = allocation_items(all, &n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *before = names;
		bool waits = allocation_holds_up(all, items[i]);

		names = xasprintf("%s%s%s", before, waits ? " " : "",
			waits ? items[i]->service->id.name : "");
	}
	assert_string_equal(names, wanted);
	free(names);
}

static void test_who_gets_what_another_one_has_yet_waits(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/new", "kago.dev/vip: 10.1.1.1", "", "");
	put(&w, "web/old", "kago.dev/vip: 10.1.1.2", "", "10.1.1.1");
	expect(&w, " new");
	put(&w, "web/old", "kago.dev/vip: 10.1.1.2", "", "10.1.1.2");
	expect(&w, "");
	world_done(&w);
}

static void test_of_two_that_have_it_the_one_that_keeps_it_waits_for_nobody(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "", "", "10.1.1.1");
	put(&w, "web/b", "", "", "10.1.1.1");
	expect(&w, "");
	world_done(&w);
}

/* `a` moves to another pool, `b` to where that one was, and `a` would like what `b` had besides. */
static void test_nobody_waits_for_one_who_waits_for_it(void **state)
{
	struct test_pool parts[2];
	struct config_pool pools[2];
	struct world w;

	(void)state;
	world_init(&w);
	test_pool_init(&parts[0], "old", "10.1.1.1", NULL);
	test_pool_init(&parts[1], "new", "10.2.2.1 fd00::1", NULL);
	test_pools_join(pools, parts, 2);
	w.rules.pools = pools;
	w.rules.n_pools = 2;
	put(&w, "web/a", "kago.dev/pool: new", "ipFamilyPolicy: PreferDualStack,", "10.1.1.1");
	put(&w, "web/b", "kago.dev/vip: 10.1.1.1", "", "fd00::1");
	expect(&w, " b");
	put(&w, "web/a", "kago.dev/pool: new", "ipFamilyPolicy: PreferDualStack,", "10.2.2.1");
	expect(&w, " a");
	put(&w, "web/b", "kago.dev/vip: 10.1.1.1", "", "10.1.1.1");
	expect(&w, "");
	test_pools_done(parts, 2);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_gets_what_another_one_has_yet_waits),
		cmocka_unit_test(test_of_two_that_have_it_the_one_that_keeps_it_waits_for_nobody),
		cmocka_unit_test(test_nobody_waits_for_one_who_waits_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
