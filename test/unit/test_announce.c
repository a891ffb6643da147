/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/announce.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

static struct vip vip(const char *text, bool usable)
{
	return (struct vip){net_of(text).addr, usable};
}

/* Of an array of them, in ascending order. */
#define VIPS(array) ((struct vips){(array), sizeof(array) / sizeof(array)[0]})

static const struct announce_rules both_families = {.next_hop4 = true, .next_hop6 = true};

/* The set as one text, "a b c". */
static void assert_prefixes(const struct prefixes *p, const char *expected)
{
	char text[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		char one[IPNET_TEXT];

		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "",
			ipnet_format(one, &p->items[i]));
	}
	assert_string_equal(text, expected);
}

static void test_usable_vips_are_announced(void **state)
{
	struct vip items[] = {vip("10.1.1.1", true), vip("10.1.1.2", false), vip("fd00::1", true)};
	const struct vips v = VIPS(items);
	CLEANUP_PREFIXES struct prefixes p = announce_build(&v, &both_families);

	(void)state;
	assert_prefixes(&p, "10.1.1.1/32 fd00::1/128");
}

static void test_a_family_without_next_hop_is_left_out(void **state)
{
	const struct announce_rules only4 = {.next_hop4 = true};
	struct vip items[] = {vip("10.1.1.1", true), vip("fd00::1", true)};
	const struct vips v = VIPS(items);
	CLEANUP_PREFIXES struct prefixes announced = announce_build(&v, &only4);
	CLEANUP_PREFIXES struct prefixes node = announce_routed(&v, &only4, &announced, false);

	(void)state;
	assert_prefixes(&announced, "10.1.1.1/32");
	assert_prefixes(&node, "10.1.1.1/32");
}

static void test_an_aggregate_replaces_its_vips_while_one_is_usable(void **state)
{
	const struct ipnet aggregates[] = {
		net_of("10.1.1.0/24"), net_of("10.9.0.0/16"), net_of("10.1.0.0/16")};
	const struct announce_rules rules = {aggregates, 3, true, true};
	struct vip items[] = {vip("10.1.0.1", true), vip("10.1.1.1", true), vip("10.1.1.2", true),
		vip("10.1.2.1", true), vip("10.2.0.1", true), vip("10.9.0.1", false)};
	const struct vips v = VIPS(items);
	CLEANUP_PREFIXES struct prefixes announced = announce_build(&v, &rules);
	CLEANUP_PREFIXES struct prefixes node = announce_routed(&v, &rules, &announced, false);
	CLEANUP_PREFIXES struct prefixes local = announce_routed(&v, &rules, &announced, true);

	(void)state;
	assert_prefixes(&announced, "10.1.0.0/16 10.1.1.0/24 10.2.0.1/32");
	assert_prefixes(&node, "10.1.0.0/16 10.1.0.1/32 10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 "
			       "10.1.2.1/32 10.2.0.1/32");
	assert_prefixes(&local, "10.1.0.0/16 10.1.0.1/32 10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 "
				"10.1.2.1/32 10.2.0.1/32 10.9.0.1/32");
}

static void test_the_reason_says_whether_ipvs_still_has_it(void **state)
{
	struct vip items[] = {vip("10.1.0.1", true), vip("10.1.1.1", false), vip("10.1.3.1", true)};
	const struct vips v = VIPS(items);
	const struct ipnet kept = net_of("10.1.1.0/24"), gone = net_of("10.1.2.1/32");

	(void)state;
	assert_string_equal(announce_why_not(&v, &kept), "no usable real server");
	assert_string_equal(announce_why_not(&v, &gone), "gone from IPVS");
}

static void test_a_prefix_leads_somewhere_while_one_vip_in_it_is_usable(void **state)
{
	struct vip items[] = {vip("10.1.0.1", true), vip("10.1.1.1", false), vip("10.1.1.2", true),
		vip("10.1.2.1", false)};
	const struct vips v = VIPS(items);
	const struct ipnet one = net_of("10.1.1.0/24"), none = net_of("10.1.2.0/24");

	(void)state;
	assert_true(announce_leads_somewhere(&v, &one));
	assert_false(announce_leads_somewhere(&v, &none));
}

static void test_a_set_stays_sorted_and_without_duplicates(void **state)
{
	static const char *const texts[] = {"10.1.1.2/32", "fd00::/64", "10.1.1.1/32",
		"10.1.1.2/32", "10.1.1.0/24", "10.1.1.1/32"};
	CLEANUP_PREFIXES struct prefixes p = {0}, copy = {0}, rest = {0}, some = {0};
	struct ipnet absent = net_of("10.1.1.3/32"), first = net_of("10.1.1.1/32");

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct ipnet n = net_of(texts[i]);

		prefixes_add(&p, &n);
	}
	assert_prefixes(&p, "10.1.1.0/24 10.1.1.1/32 10.1.1.2/32 fd00::/64");
	copy = prefixes_copy(&p);
	assert_true(prefixes_equal(&copy, &p));
	prefixes_remove(&copy, &absent);
	prefixes_remove(&copy, &first);
	assert_prefixes(&copy, "10.1.1.0/24 10.1.1.2/32 fd00::/64");
	assert_false(prefixes_equal(&copy, &p));
	rest = prefixes_minus(&p, &copy, SIZE_MAX);
	assert_prefixes(&rest, "10.1.1.1/32");
	some = prefixes_minus(&p, &rest, 2);
	assert_prefixes(&some, "10.1.1.0/24 10.1.1.2/32");
}

static void test_sets_are_joined_and_compared(void **state)
{
	static const char *const texts[] = {"10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32"};
	CLEANUP_PREFIXES struct prefixes a = {0}, b = {0}, both = {0}, all = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct ipnet n = net_of(texts[i]);

		if (i < 2)
			prefixes_add(&a, &n);
		if (i > 0)
			prefixes_add(&b, &n);
	}
	both = prefixes_common(&a, &b);
	all = prefixes_union(&a, &b);
	assert_prefixes(&both, "10.1.1.2/32");
	assert_prefixes(&all, "10.1.1.1/32 10.1.1.2/32 10.1.1.3/32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usable_vips_are_announced),
		cmocka_unit_test(test_a_family_without_next_hop_is_left_out),
		cmocka_unit_test(test_an_aggregate_replaces_its_vips_while_one_is_usable),
		cmocka_unit_test(test_the_reason_says_whether_ipvs_still_has_it),
		cmocka_unit_test(test_a_prefix_leads_somewhere_while_one_vip_in_it_is_usable),
		cmocka_unit_test(test_a_set_stays_sorted_and_without_duplicates),
		cmocka_unit_test(test_sets_are_joined_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
