/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/roster.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

#define POD4 "172.16.1.11"
#define POD6 "fd00:1::11"

/* "own: peer peer" of a list like "a b c". */
static void assert_roster(const struct dual *pod, const char *list, const char *expected)
{
	struct ipaddr addrs[8];
	char copy[256], found[256], text[IPADDR_TEXT], *next = copy;
	size_t n = 0;

	snprintf(copy, sizeof copy, "%s", list);
	while (*copy && next)
		addrs[n++] = addr_of(strsep(&next, " "));

	CLEANUP_ROSTER struct roster r = roster_of(pod, addrs, n);

	snprintf(found, sizeof found, "%s:", r.own.family ? ipaddr_format(text, &r.own) : "nobody");
	for (size_t i = 0; i < r.n_peers; i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), " %s",
			ipaddr_format(text, &r.peers[i]));
	assert_string_equal(found, expected);
	assert_int_equal(roster_is_alone(&r), r.own.family && !strchr(found, ' '));
}

static struct dual both(void)
{
	return (struct dual){addr_of(POD4), addr_of(POD6)};
}

static void test_the_others_are_sorted_and_each_is_there_once(void **state)
{
	const struct dual pod = {.v4 = addr_of(POD4)};

	(void)state;
	assert_roster(&pod, "172.16.9.11 172.16.1.11 172.16.2.11 172.16.9.11",
		"172.16.1.11: 172.16.2.11 172.16.9.11");
}

static void test_ipv4_goes_before_ipv6(void **state)
{
	const struct dual pod = both();

	(void)state;
	assert_roster(
		&pod, "172.16.1.11 172.16.2.11 fd00:1::11 fd00:2::11", "172.16.1.11: 172.16.2.11");
}

static void test_ipv6_is_taken_where_the_others_have_nothing_else(void **state)
{
	const struct dual pod = both(), pod6 = {.v6 = addr_of(POD6)};

	(void)state;
	assert_roster(&pod, "172.16.1.11 fd00:1::11 fd00:2::11", "fd00:1::11: fd00:2::11");
	assert_roster(&pod6, "172.16.2.11 fd00:1::11 fd00:2::11", "fd00:1::11: fd00:2::11");
}

static void test_who_is_alone(void **state)
{
	const struct dual pod = both();

	(void)state;
	assert_roster(&pod, "172.16.1.11 fd00:1::11", "172.16.1.11:");
	assert_roster(&pod, "fd00:1::11", "fd00:1::11:");
	assert_roster(&pod, "", "172.16.1.11:");
}

static void test_who_is_not_in_the_list(void **state)
{
	const struct dual pod = both(), none = {0};

	(void)state;
	assert_roster(&pod, "172.16.2.11 fd00:2::11", "nobody:");
	assert_roster(&none, "", "nobody:");
	assert_roster(&none, "172.16.2.11", "nobody:");
}

static void test_what_counts_as_the_same(void **state)
{
	const struct dual pod = both();
	const struct ipaddr list[] = {addr_of(POD4), addr_of("172.16.2.11"), addr_of("fd00:7::1")};
	CLEANUP_ROSTER struct roster a = roster_of(&pod, list, 2), b = roster_of(&pod, list, 3),
				     c = roster_of(&pod, list, 1);

	(void)state;
	assert_true(roster_equal(&a, &b));
	assert_false(roster_equal(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_others_are_sorted_and_each_is_there_once),
		cmocka_unit_test(test_ipv4_goes_before_ipv6),
		cmocka_unit_test(test_ipv6_is_taken_where_the_others_have_nothing_else),
		cmocka_unit_test(test_who_is_alone),
		cmocka_unit_test(test_who_is_not_in_the_list),
		cmocka_unit_test(test_what_counts_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
