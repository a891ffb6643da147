/* SPDX-License-Identifier: Apache-2.0 */
#include "values/prefix_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "base/limits.h"
#include "base/mem.h"

enum { MAX_NETS = 16 };

/* Prefixes, ended by NULL, have this text. */
static void assert_text(const char *const prefixes[], const char *expected)
{
	CLEANUP_FREE char *text = NULL;
	struct ipnet nets[MAX_NETS];
	struct prefix_set s;
	size_t n = 0;

	for (; prefixes[n]; n++)
		nets[n] = net_of(prefixes[n]);
	prefix_set_build(&s, nets, n);
	text = prefix_set_format(&s, LIMIT_ANNOUNCES);
	assert_string_equal(text, expected);
	prefix_set_done(&s);
}

static void test_neighbours_and_nested_prefixes_are_one_range(void **state)
{
	(void)state;
	assert_text((const char *const[]){NULL}, "");
	assert_text((const char *const[]){"10.1.2.7/32", "10.1.1.0/24", "10.1.1.9/32",
			    "fd00::1/128", NULL},
		"10.1.1.0-10.1.1.255,10.1.2.7,fd00::1");
	assert_text((const char *const[]){"10.0.0.3/32", "10.0.0.2/32", "10.0.0.1/32",
			    "10.0.0.255/32", "10.0.1.0/32", NULL},
		"10.0.0.1-10.0.0.3,10.0.0.255-10.0.1.0");
	assert_text((const char *const[]){"10.0.0.1/32", "10.0.0.1/32", NULL}, "10.0.0.1");
}

static void test_families_do_not_mix_at_their_ends(void **state)
{
	(void)state;
	assert_text(
		(const char *const[]){"::/0", "0.0.0.0/0", "255.255.255.255/32", "fd00::/8", NULL},
		"0.0.0.0-255.255.255.255,::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_a_range_without_a_text_is_left_out(void **state)
{
	(void)state;
	assert_text((const char *const[]){"::/80", "fd00::1/128", NULL}, "fd00::1");
}

static bool holds(const char *text, const char *address)
{
	struct ipaddr a = addr_of(address);
	struct prefix_set s;
	struct err e = {0};
	bool answer;

	assert_int_equal(prefix_set_parse(&s, text, LIMIT_ANNOUNCES, &e), 0);
	answer = prefix_set_contains(&s, &a);
	prefix_set_done(&s);
	return answer;
}

static void test_it_holds_what_is_in_a_range(void **state)
{
	static const char text[] = "10.1.1.0-10.1.1.255,10.1.2.7,fd00::1-fd00::3";

	(void)state;
	assert_true(holds(text, "10.1.1.0"));
	assert_true(holds(text, "10.1.1.255"));
	assert_true(holds(text, "10.1.2.7"));
	assert_true(holds(text, "fd00::2"));
	assert_false(holds(text, "10.1.0.255"));
	assert_false(holds(text, "10.1.2.0"));
	assert_false(holds(text, "10.1.2.8"));
	assert_false(holds(text, "fd00::4"));
	assert_false(holds("", "10.1.1.1"));
}

static void test_what_was_left_out_counts_as_held(void **state)
{
	(void)state;
	assert_false(holds("10.0.0.1,10.0.0.5,...", "10.0.0.3"));
	assert_true(holds("10.0.0.1,10.0.0.5,...", "10.0.0.6"));
	assert_true(holds("10.0.0.1,10.0.0.5,...", "fd00::1"));
	assert_true(holds("...", "10.0.0.1"));
}

static void test_a_text_ends_where_there_is_no_more_room(void **state)
{
	struct ipnet nets[MAX_NETS];
	CLEANUP_FREE char *all = NULL, *cut = NULL, *again = NULL;
	struct prefix_set s, parsed;
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < MAX_NETS; i++) {
		char text[IPNET_TEXT];

		snprintf(text, sizeof text, "10.0.%u.1/32", i);
		nets[i] = net_of(text);
	}
	prefix_set_build(&s, nets, MAX_NETS);
	all = prefix_set_format(&s, LIMIT_ANNOUNCES);
	assert_null(strstr(all, "..."));
	cut = prefix_set_format(&s, strlen(all) - 1);
	assert_true(strlen(cut) < strlen(all));
	assert_string_equal(cut + strlen(cut) - 14, ",10.0.14.1,...");
	assert_int_equal(prefix_set_parse(&parsed, cut, LIMIT_ANNOUNCES, &e), 0);
	again = prefix_set_format(&parsed, LIMIT_ANNOUNCES);
	assert_string_equal(again, cut);
	prefix_set_done(&parsed);
	prefix_set_done(&s);
}

static void test_a_text_of_any_ceiling_keeps_to_it(void **state)
{
	struct ipnet nets[MAX_NETS];
	struct prefix_set s;

	(void)state;
	for (unsigned i = 0; i < MAX_NETS; i++) {
		char text[IPNET_TEXT];

		snprintf(text, sizeof text, "10.0.%u.0/%u", i * 2, i % 2 ? 24U : 32U);
		nets[i] = net_of(text);
	}
	prefix_set_build(&s, nets, MAX_NETS);
	for (size_t max = 100; max < 400; max++) {
		CLEANUP_FREE char *text = prefix_set_format(&s, max);

		assert_true(strlen(text) <= max);
	}
	prefix_set_done(&s);
}

static void assert_refused(const char *text, const char *message)
{
	struct prefix_set s = {0};
	struct err e = {0};

	assert_int_equal(prefix_set_parse(&s, text, LIMIT_ANNOUNCES, &e), -EINVAL);
	assert_string_equal(e.msg, message);
}

static void test_other_texts_are_refused(void **state)
{
	(void)state;
	assert_refused("10.0.0.1,", "'' is not an IP address");
	assert_refused("10.0.0.1,10.0.0.2",
		"the range that starts with 10.0.0.2 is not apart from the one before it");
	assert_refused("fd00::1,10.0.0.2",
		"the range that starts with 10.0.0.2 is not apart from the one before it");
	assert_refused("10.0.0.2-10.0.0.1", "a range from 10.0.0.2 to 10.0.0.1");
	assert_refused("10.0.0.1-10.0.0.1", "a range from 10.0.0.1 to 10.0.0.1");
	assert_refused("10.0.0.1-fd00::1", "a range from 10.0.0.1 to fd00::1");
	assert_refused("FD00::1", "'FD00::1' must be written fd00::1");
	assert_refused("10.0.0.1,...,10.0.0.7", "'...' is not an IP address");
}

static void test_a_text_over_the_limit_is_refused(void **state)
{
	CLEANUP_FREE char *text = xcalloc(LIMIT_ANNOUNCES + 2, 1);

	(void)state;
	memset(text, ',', LIMIT_ANNOUNCES + 1);
	assert_refused(text, "more than 131072 bytes of addresses");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_and_nested_prefixes_are_one_range),
		cmocka_unit_test(test_families_do_not_mix_at_their_ends),
		cmocka_unit_test(test_a_range_without_a_text_is_left_out),
		cmocka_unit_test(test_it_holds_what_is_in_a_range),
		cmocka_unit_test(test_what_was_left_out_counts_as_held),
		cmocka_unit_test(test_a_text_ends_where_there_is_no_more_room),
		cmocka_unit_test(test_a_text_of_any_ceiling_keeps_to_it),
		cmocka_unit_test(test_other_texts_are_refused),
		cmocka_unit_test(test_a_text_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
