/* SPDX-License-Identifier: Apache-2.0 */
#include "address/vacancy.h"
#include "world.h"

struct pool_of_one {
	struct world world;
	struct pools pools;
	struct holders *holders;
	struct vacancy *vacancy;
	struct service service;
	struct wish wish; /* what is looked for */
};

static void place_init(struct pool_of_one *ret, char *pool)
{
	*ret = (struct pool_of_one){.wish = {.pool = pool}};
	world_init(&ret->world);
	pools_init(&ret->pools, ret->world.pools, N_POOLS);
	ret->holders = holders_new();
	ret->vacancy = vacancy_new(&ret->pools, ret->holders);
	objname_init(&ret->service.id, "web", "a");
}

static void place_done(struct pool_of_one *p)
{
	objname_done(&p->service.id);
	vacancy_free(p->vacancy);
	holders_free(p->holders);
	pools_done(&p->pools);
	world_done(&p->world);
}

static bool may_have(void *ud, const struct pool *pool)
{
	(void)ud;
	(void)pool;
	return true;
}

/* Takes the next one and compares it; "" when there is none. */
static void expect_next(struct pool_of_one *p, int family, const char *wanted)
{
	struct ipaddr found;
	char text[IPADDR_TEXT];
	const struct vacancy_search search = {&p->wish, "web", may_have, NULL};

	if (!vacancy_find(&found, p->vacancy, &search, family)) {
		assert_string_equal("", wanted);
		return;
	}
	assert_string_equal(ipaddr_format(text, &found), wanted);
	holders_take(p->holders, &found, &p->service);
}

static void release(struct pool_of_one *p, const char *text)
{
	struct ipaddr addr;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&addr, text, &e), 0);
	holders_release(p->holders, &addr, &p->service);
	vacancy_released(p->vacancy, &addr);
}

static void test_the_lowest_free_address_comes_first(void **state)
{
	struct pool_of_one p;

	(void)state;
	place_init(&p, NULL);
	expect_next(&p, AF_INET, "10.1.1.1");
	expect_next(&p, AF_INET, "10.1.1.2");
	release(&p, "10.1.1.1");
	expect_next(&p, AF_INET, "10.1.1.1");
	expect_next(&p, AF_INET, "10.1.1.3");
	expect_next(&p, AF_INET, "");
	release(&p, "10.1.1.2");
	expect_next(&p, AF_INET, "10.1.1.2");
	expect_next(&p, AF_INET, "");
	expect_next(&p, AF_INET6, "fd00::1");
	place_done(&p);
}

static void test_avoided_addresses_are_passed_over_and_not_counted(void **state)
{
	char reserved[] = "reserved";
	struct pool_of_one p;

	(void)state;
	place_init(&p, reserved);
	assert_int_equal(vacancy_size(&p.pools, &p.wish, "web", AF_INET), 2);
	expect_next(&p, AF_INET, "10.3.3.254");
	expect_next(&p, AF_INET, "10.3.4.1");
	expect_next(&p, AF_INET, "");
	place_done(&p);
}

/* Looking at each address again for each Service would take for ever. */
static void test_a_large_pool_is_not_searched_from_its_start(void **state)
{
	char wide[] = "wide";
	struct ipaddr found;
	struct pool_of_one p;
	const struct vacancy_search search = {&p.wish, "web", may_have, NULL};

	(void)state;
	place_init(&p, wide);
	for (unsigned i = 0; i < 200000; i++) {
		assert_true(vacancy_find(&found, p.vacancy, &search, AF_INET6));
		holders_take(p.holders, &found, &p.service);
	}
	release(&p, "2001:db8::1:0");
	expect_next(&p, AF_INET6, "2001:db8::1:0");
	expect_next(&p, AF_INET6, "2001:db8::3:d40");
	assert_true(vacancy_size(&p.pools, &p.wish, "web", AF_INET6) == UINT64_MAX);
	place_done(&p);
}

static void test_sizes_are_right(void **state)
{
	static const struct {
		const char *range;
		bool avoids;
		uint64_t size;
	} cases[] = {
		{"10.0.0.0/24", false, 256},
		{"10.0.0.0/24", true, 254},
		{"10.0.0.0/16", true, 65536 - 512},
		{"10.0.0.255", true, 0},
		{"10.0.0.255-10.0.1.0", true, 0},
		{"10.0.0.1-10.0.0.254", true, 254},
		{"1.0.0.0-1.0.0.1", true, 1},
		{"fd00::/120", true, 256},
		{"fd00::/64", false, UINT64_MAX},
		{"fd00::-fd00:0:0:1::", false, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test_pool part;
		struct config_pool pool;
		struct pools pools;
		const struct wish wish = {0};

		test_pool_init(&part, "p", cases[i].range, NULL);
		part.pool.avoid_buggy_ips = cases[i].avoids;
		test_pools_join(&pool, &part, 1);
		pools_init(&pools, &pool, 1);
		assert_true(vacancy_size(&pools, &wish, "web", part.ranges[0].first.family) ==
			    cases[i].size);
		pools_done(&pools);
		test_pools_done(&part, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_lowest_free_address_comes_first),
		cmocka_unit_test(test_avoided_addresses_are_passed_over_and_not_counted),
		cmocka_unit_test(test_a_large_pool_is_not_searched_from_its_start),
		cmocka_unit_test(test_sizes_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
