/* SPDX-License-Identifier: Apache-2.0 */
#include "table/second.h"

#include "addresses.h"
#include "objects.h"

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void test_each_place_leads_to_its_doors(void **state)
{
	struct door two[] = {
		{{addr_of("10.1.1.1"), IPPROTO_TCP, 80}, addr_of("10.0.2.1"), addr_of("10.0.3.1")},
		{{addr_of("10.1.1.2"), IPPROTO_TCP, 443}, addr_of("10.0.2.2"), {0}},
	};
	const struct doors doors = {two, 2};
	CLEANUP_FREE char *text = second_fill(&doors);

	(void)state;
	assert_non_null(strstr(text,
		"add element ip kago-second firsts { 10.1.1.1 . 80 : 1, 10.1.1.2 . 443 : 3 }\n"
		"add element ip kago-second nexts { 10.1.1.1 . 80 : 2 }\n"
		"add element ip kago-second doors { 1 : 10.0.2.1, 2 : 10.0.3.1, 3 : 10.0.2.2 }\n"));
	assert_int_equal(count(text, "add rule"), SECOND_RULES);
	assert_int_equal(second_map_size(&doors, SECOND_FIRSTS), 2);
	assert_int_equal(second_map_size(&doors, SECOND_NEXTS), 1);
	assert_int_equal(second_map_size(&doors, SECOND_DOORS), 3);
}

/* nftables refuses an empty list of elements. */
static void test_without_doors_there_are_rules_alone(void **state)
{
	const struct doors none = {0};
	CLEANUP_FREE char *text = second_fill(&none);

	(void)state;
	assert_null(strstr(text, "add element"));
	assert_int_equal(count(text, "add rule"), SECOND_RULES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_place_leads_to_its_doors),
		cmocka_unit_test(test_without_doors_there_are_rules_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
