/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"

#include <errno.h>
#include <string.h>

#include "values/ipaddr.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static void test_addresses_print_canonically(void **state)
{
	static const char *const cases[][2] = {
		{"10.1.1.8", "10.1.1.8"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:DB8:0:0:0:0:0:10", "2001:db8::10"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"::", "::"},
	};
	char buf[IPADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct ipaddr a = addr_of(cases[i][0]);

		assert_string_equal(ipaddr_format(buf, &a), cases[i][1]);
	}
}

static void test_address_parsing_is_strict(void **state)
{
	static const char *const wrong[] = {"", "10.1.1", "10.1.1.256", "010.1.1.1", "10.1.1.1 ",
		" 10.1.1.1", "10.1.1.1/32", "0x0a.1.1.1", "167837960", "1::2::3", "fe80::1%eth0",
		"[::1]", "::ffff:10.1.1.1", "2001:db8::g", "10.1.1.1\n", "lb.example"};
	struct ipaddr a = {.family = 42};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		assert_int_equal(ipaddr_parse(&a, wrong[i], &e), -EINVAL);
		assert_int_equal(a.family, 42);
	}
	assert_int_equal(ipaddr_parse(&a, "10.1.1", &e), -EINVAL);
	assert_string_equal(e.msg, "'10.1.1' is not an IP address");
}

static void test_an_empty_address_prints_as_none(void **state)
{
	char buf[IPADDR_TEXT];

	(void)state;
	assert_string_equal(ipaddr_format(buf, &(struct ipaddr){0}), "none");
}

static void test_order_is_v4_first_then_numeric(void **state)
{
	static const char *const sorted[] = {
		"9.255.0.0", "10.0.0.1", "10.0.0.2", "200.0.0.1", "::1", "2001:db8::1", "ff02::1"};

	(void)state;
	for (size_t i = 0; i < N(sorted); i++) {
		for (size_t j = 0; j < N(sorted); j++) {
			struct ipaddr a = addr_of(sorted[i]), b = addr_of(sorted[j]);
			int order = ipaddr_cmp(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(ipaddr_equal(&a, &b), i == j);
		}
	}
}

static void test_an_empty_address_sorts_first_and_equals_itself(void **state)
{
	struct ipaddr none = {0}, v4 = addr_of("0.0.0.0");

	(void)state;
	assert_true(ipaddr_equal(&none, &(struct ipaddr){0}));
	assert_true(ipaddr_cmp(&none, &v4) < 0);
	assert_true(ipaddr_cmp(&v4, &none) > 0);
}

static void test_unicast(void **state)
{
	static const char *const yes[] = {"10.1.1.8", "1.0.0.0", "223.255.255.255", "240.0.0.1",
		"255.255.255.254", "169.253.1.1", "2001:db8::1", "fd00::1"};
	static const char *const no[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1",
		"224.0.0.1", "239.255.255.255", "255.255.255.255", "::", "::1", "fe80::1",
		"ff02::1"};

	(void)state;
	for (size_t i = 0; i < N(yes); i++) {
		struct ipaddr a = addr_of(yes[i]);

		assert_true(ipaddr_is_unicast(&a));
	}
	for (size_t i = 0; i < N(no); i++) {
		struct ipaddr a = addr_of(no[i]);

		assert_false(ipaddr_is_unicast(&a));
	}
	assert_false(ipaddr_is_unicast(&(struct ipaddr){0}));
}

static void test_from_bytes(void **state)
{
	static const uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};
	struct ipaddr v4 = ipaddr_from_bytes(AF_INET, bytes),
		      v6 = ipaddr_from_bytes(AF_INET6, bytes);
	char buf[IPADDR_TEXT];

	(void)state;
	assert_string_equal(ipaddr_format(buf, &v4), "32.1.13.184");
	assert_string_equal(ipaddr_format(buf, &v6), "2001:db8::9");
	assert_int_equal(ipaddr_bits(&v4), 32);
	assert_int_equal(ipaddr_bits(&v6), 128);
}

static void test_prefixes_print_with_their_length(void **state)
{
	static const char *const cases[][2] = {
		{"10.1.1.0/24", "10.1.1.0/24"},
		{"10.1.1.8", "10.1.1.8/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"2001:DB8::/32", "2001:db8::/32"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"1111:2222:3333:4444:5555:6666:7777:8888/128",
			"1111:2222:3333:4444:5555:6666:7777:8888/128"},
	};
	char buf[IPNET_TEXT];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct ipnet n = net_of(cases[i][0]);

		assert_string_equal(ipnet_format(buf, &n), cases[i][1]);
	}
}

static void test_prefix_parsing_is_strict(void **state)
{
	static const char *const cases[][2] = {
		{"", "'' is not a prefix"},
		{"10.1.1.0/", "prefix length of '10.1.1.0/': '' is not a number from 0 to 32"},
		{"10.1.1.0/33",
			"prefix length of '10.1.1.0/33': '33' is not a number from 0 to 32"},
		{"10.1.1.0/024",
			"prefix length of '10.1.1.0/024': '024' is not a number from 0 to 32"},
		{"2001:db8::/129",
			"prefix length of '2001:db8::/129': '129' is not a number from 0 to 128"},
		{"10.1.1.8/24", "'10.1.1.8/24' has host bits set; the prefix is 10.1.1.0/24"},
		{"10.1.1.0/255.255.255.0", "prefix length of '10.1.1.0/255.255.255.0': "
					   "'255.255.255.0' is not a number from 0 to 32"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/128",
			"'1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/128' is not a prefix"},
	};
	struct ipnet n;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct err e = {0};

		assert_int_equal(ipnet_parse(&n, cases[i][0], &e), -EINVAL);
		assert_string_equal(e.msg, cases[i][1]);
	}
}

static void test_contains(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} cases[] = {
		{"10.1.1.0/24", "10.1.1.255", true},
		{"10.1.1.0/24", "10.1.2.0", false},
		{"10.1.1.8/31", "10.1.1.9", true},
		{"10.1.1.8/32", "10.1.1.9", false},
		{"0.0.0.0/0", "255.1.1.1", true},
		{"0.0.0.0/0", "::1", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::/0", "10.1.1.1", false},
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct ipnet n = net_of(cases[i].net);
		struct ipaddr a = addr_of(cases[i].addr);

		assert_int_equal(ipnet_contains(&n, &a), cases[i].in);
	}
}

static void test_prefix_order_is_address_then_length(void **state)
{
	struct ipnet wide = net_of("10.0.0.0/8"), narrow = net_of("10.0.0.0/24"),
		     next = net_of("11.0.0.0/8");
	struct ipaddr a = addr_of("10.0.0.7");
	struct ipnet own = ipnet_of(&a), same = net_of("10.0.0.7/32");
	struct ipnet around = ipnet_around(&a, 24);

	(void)state;
	assert_true(ipnet_cmp(&wide, &narrow) < 0);
	assert_true(ipnet_cmp(&narrow, &wide) > 0);
	assert_true(ipnet_cmp(&narrow, &next) < 0);
	assert_int_equal(ipnet_cmp(&own, &same), 0);
	assert_int_equal(ipnet_cmp(&around, &narrow), 0);
}

static void test_settled_prefixes_are_sorted_and_none_is_inside_another(void **state)
{
	struct ipnet nets[] = {net_of("10.1.0.0/16"), net_of("::/0"), net_of("10.0.0.0/9"),
		net_of("2001:db8::/32"), net_of("9.9.9.9/32"), net_of("10.0.0.0/9")};
	const struct ipnet wanted[] = {net_of("9.9.9.9/32"), net_of("10.0.0.0/9"), net_of("::/0")};

	(void)state;
	assert_int_equal(ipnets_settle(nets, N(nets)), N(wanted));
	for (size_t i = 0; i < N(wanted); i++)
		assert_int_equal(ipnet_cmp(&nets[i], &wanted[i]), 0);
	assert_int_equal(ipnets_settle(NULL, 0), 0);
}

static void test_host_bits_can_be_cleared(void **state)
{
	struct ipnet wanted = net_of("10.0.0.0/8"), got;
	struct err e = {0};

	(void)state;
	assert_int_equal(ipnet_parse_masked(&got, "10.1.2.3/8", &e), 0);
	assert_int_equal(ipnet_cmp(&got, &wanted), 0);
	assert_int_equal(ipnet_parse_masked(&got, "10.1.2.3", &e), -EINVAL);
	assert_string_equal(e.msg, "'10.1.2.3' is not ADDRESS/LENGTH");
}

static void test_addresses_step_to_the_next(void **state)
{
	static const char *const pairs[][2] = {
		{"10.0.0.1", "10.0.0.2"},
		{"10.0.255.255", "10.1.0.0"},
		{"fd00::ffff", "fd00::1:0"},
	};
	struct ipaddr last = addr_of("255.255.255.255");

	(void)state;
	for (size_t i = 0; i < N(pairs); i++) {
		struct ipaddr a = addr_of(pairs[i][0]), next = addr_of(pairs[i][1]);

		assert_true(ipaddr_step(&a));
		assert_true(ipaddr_equal(&a, &next));
	}
	assert_false(ipaddr_step(&last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_print_canonically),
		cmocka_unit_test(test_address_parsing_is_strict),
		cmocka_unit_test(test_an_empty_address_prints_as_none),
		cmocka_unit_test(test_order_is_v4_first_then_numeric),
		cmocka_unit_test(test_an_empty_address_sorts_first_and_equals_itself),
		cmocka_unit_test(test_unicast),
		cmocka_unit_test(test_from_bytes),
		cmocka_unit_test(test_prefixes_print_with_their_length),
		cmocka_unit_test(test_prefix_parsing_is_strict),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_prefix_order_is_address_then_length),
		cmocka_unit_test(test_settled_prefixes_are_sorted_and_none_is_inside_another),
		cmocka_unit_test(test_host_bits_can_be_cleared),
		cmocka_unit_test(test_addresses_step_to_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
