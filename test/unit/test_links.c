/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "addresses.h"
#include "macs.h"

static void put(struct links *l, int index, const char *name, bool usable)
{
	struct link one = {.index = index, .mac = mac_number((uint8_t)index), .usable = usable};

	snprintf(one.name, sizeof one.name, "%s", name);
	assert_true(links_put(l, &one));
	assert_false(links_put(l, &one));
}

static struct network network_of(int index, const char *address, const char *net)
{
	return (struct network){index, addr_of(address), net_of(net)};
}

static void put_network(struct links *l, int index, const char *address, const char *net)
{
	const struct network n = network_of(index, address, net);

	assert_true(links_put_network(l, &n));
	assert_false(links_put_network(l, &n));
}

/* The names of the interfaces, "eth0 eth1", on which the VIP is answered for. */
static const char *where(const struct links *l, const char *vip, char *const names[], size_t n)
{
	static char text[256];
	const struct link_names named = {names, n};
	const struct ipaddr addr = addr_of(vip);
	int at = 0;

	text[0] = '\0';
	for (const struct link *one = NULL; (one = links_next(l, &named, &addr, one));)
		at += snprintf(
			text + at, sizeof text - (size_t)at, "%s%s", at ? " " : "", one->name);
	return text;
}

static struct links usual(void)
{
	struct links l = {0};

	put(&l, 3, "eth1", true);
	put(&l, 2, "eth0", true);
	put(&l, 9, "cni0", true);
	put_network(&l, 2, "192.0.2.1", "192.0.2.0/24");
	put_network(&l, 2, "2001:db8::1", "2001:db8::/64");
	put_network(&l, 3, "198.51.100.1", "198.51.100.0/24");
	put_network(&l, 9, "10.244.0.1", "10.244.0.0/24");
	return l;
}

static void test_a_vip_is_answered_for_where_its_network_is_and_nowhere_else(void **state)
{
	CLEANUP_LINKS struct links l = usual();

	(void)state;
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth0");
	assert_string_equal(where(&l, "2001:db8::10", NULL, 0), "eth0");
	assert_string_equal(where(&l, "198.51.100.10", NULL, 0), "eth1");
	assert_string_equal(where(&l, "203.0.113.10", NULL, 0), "");
	assert_string_equal(where(&l, "2001:db8:1::10", NULL, 0), "");
}

static void test_the_smallest_network_wins_and_then_the_first_interface(void **state)
{
	CLEANUP_LINKS struct links l = usual();

	(void)state;
	put_network(&l, 3, "192.0.2.2", "192.0.2.0/24");
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth0");
	put_network(&l, 3, "192.0.2.2", "192.0.2.0/28");
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth1");
	assert_string_equal(where(&l, "192.0.2.20", NULL, 0), "eth0");
}

static void test_one_that_is_down_leaves_it_to_another_one(void **state)
{
	CLEANUP_LINKS struct links l = usual();

	(void)state;
	put(&l, 2, "eth0", false);
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "");
	put_network(&l, 3, "192.0.2.2", "192.0.2.0/24");
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth1");
}

static void test_only_those_that_are_named_answer(void **state)
{
	CLEANUP_LINKS struct links l = usual();
	static char eth0[] = "eth0", eth1[] = "eth1", none[] = "eth7";
	char *const both[] = {eth0, eth1}, *const second[] = {eth1}, *const strange[] = {none};

	(void)state;
	/* Where one has its network the other one is not for it. */
	assert_string_equal(where(&l, "192.0.2.10", both, 2), "eth0");
	assert_string_equal(where(&l, "203.0.113.10", both, 2), "eth0 eth1");
	assert_string_equal(where(&l, "10.244.0.10", both, 2), "eth0 eth1");
	assert_string_equal(where(&l, "192.0.2.10", second, 1), "eth1");
	assert_string_equal(where(&l, "192.0.2.10", strange, 1), "");
	put_network(&l, 3, "192.0.2.2", "192.0.2.0/24");
	assert_string_equal(where(&l, "192.0.2.10", both, 2), "eth0 eth1");
	put(&l, 2, "eth0", false);
	assert_string_equal(where(&l, "203.0.113.10", both, 2), "eth1");
}

static void test_a_network_stays_as_long_as_one_of_its_addresses(void **state)
{
	CLEANUP_LINKS struct links l = usual();
	const struct network first = network_of(2, "192.0.2.1", "192.0.2.0/24");
	const struct network second = network_of(2, "192.0.2.2", "192.0.2.0/24");

	(void)state;
	put_network(&l, 2, "192.0.2.2", "192.0.2.0/24");
	assert_true(links_drop_network(&l, &first));
	assert_false(links_drop_network(&l, &first));
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth0");
	assert_true(links_drop_network(&l, &second));
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "");
}

static void test_an_interface_that_goes_takes_its_networks_along(void **state)
{
	CLEANUP_LINKS struct links l = usual();

	(void)state;
	assert_true(links_drop(&l, 2));
	assert_false(links_drop(&l, 2));
	assert_null(links_find(&l, 2));
	/* Another one has its number later, or its name. */
	put(&l, 2, "eth2", true);
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "");
}

static void test_a_network_may_be_known_before_its_interface(void **state)
{
	CLEANUP_LINKS struct links l = {0};

	(void)state;
	put_network(&l, 2, "192.0.2.1", "192.0.2.0/24");
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "");
	put(&l, 2, "eth0", true);
	assert_string_equal(where(&l, "192.0.2.10", NULL, 0), "eth0");
}

static void test_equal_ones_have_the_same_in_any_order(void **state)
{
	CLEANUP_LINKS struct links l = usual(), other = {0};
	const struct mac ours = mac_number(9), foreign = mac_number(10);

	(void)state;
	put_network(&other, 9, "10.244.0.1", "10.244.0.0/24");
	put_network(&other, 3, "198.51.100.1", "198.51.100.0/24");
	put_network(&other, 2, "2001:db8::1", "2001:db8::/64");
	put_network(&other, 2, "192.0.2.1", "192.0.2.0/24");
	put(&other, 9, "cni0", true);
	put(&other, 2, "eth0", true);
	assert_false(links_equal(&l, &other));
	put(&other, 3, "eth1", true);
	assert_true(links_equal(&l, &other));
	put(&other, 3, "eth3", true);
	assert_false(links_equal(&l, &other));
	assert_true(links_have_mac(&l, &ours));
	assert_false(links_have_mac(&l, &foreign));
}

/* Interfaces of pods come and go all the time. */
static void test_only_what_matters_is_in_the_digest(void **state)
{
	CLEANUP_LINKS struct links l = usual();
	static char eth0[] = "eth0", pod[] = "veth7";
	char *const first[] = {eth0}, *const other[] = {pod};
	const struct link_names all = {0}, named = {first, 1}, strange = {other, 1};
	const uint64_t with_all = links_digest(&l, &all), with_named = links_digest(&l, &named);

	(void)state;
	assert_true(links_digest(&l, &strange) == 0);
	put(&l, 20, "veth7", true);
	assert_true(links_digest(&l, &all) == with_all);
	assert_true(links_digest(&l, &named) == with_named);
	assert_true(links_digest(&l, &strange) != 0);
	put_network(&l, 3, "203.0.113.1", "203.0.113.0/24");
	assert_true(links_digest(&l, &all) != with_all);
	assert_true(links_digest(&l, &named) == with_named);
	put(&l, 2, "eth0", false);
	assert_true(links_digest(&l, &named) == 0);
	put(&l, 2, "eth0", true);
	assert_true(links_digest(&l, &named) == with_named);
	put(&l, 2, "eth2", true);
	assert_true(links_digest(&l, &named) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_vip_is_answered_for_where_its_network_is_and_nowhere_else),
		cmocka_unit_test(test_the_smallest_network_wins_and_then_the_first_interface),
		cmocka_unit_test(test_one_that_is_down_leaves_it_to_another_one),
		cmocka_unit_test(test_only_those_that_are_named_answer),
		cmocka_unit_test(test_a_network_stays_as_long_as_one_of_its_addresses),
		cmocka_unit_test(test_an_interface_that_goes_takes_its_networks_along),
		cmocka_unit_test(test_a_network_may_be_known_before_its_interface),
		cmocka_unit_test(test_equal_ones_have_the_same_in_any_order),
		cmocka_unit_test(test_only_what_matters_is_in_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
