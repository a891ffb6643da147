/* SPDX-License-Identifier: Apache-2.0 */
#include "vrrp/share.h"

#include <stdio.h>

#include "addresses.h"

enum { PODS = 5 };

/* Who wants a share most. */
static size_t winner(const struct ipaddr pods[], size_t n, unsigned share)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++) {
		unsigned one = share_priority(&pods[i], share, false);
		unsigned other = share_priority(&pods[best], share, false);

		if (one > other || (one == other && ipaddr_cmp(&pods[i], &pods[best]) > 0))
			best = i;
	}
	return best;
}

static struct ipaddr pod_of(size_t i)
{
	char text[IPADDR_TEXT];

	snprintf(text, sizeof text, "172.16.%zu.11", i);
	return addr_of(text);
}

/* Load balancers of other versions have to agree. */
static void test_what_it_says_never_changes(void **state)
{
	const struct ipaddr v4 = addr_of("10.1.1.1"), v6 = addr_of("fd00::1:1");
	const struct ipaddr pod = addr_of("172.16.1.11"), pod6 = addr_of("fd00:1::11");

	(void)state;
	assert_int_equal(share_of(&v4), 1);
	assert_int_equal(share_of(&v6), 9);
	assert_int_equal(share_priority(&pod, 0, false), 233);
	assert_int_equal(share_priority(&pod6, 15, false), 216);
}

static void test_vips_spread_over_all_shares(void **state)
{
	struct ipaddr vip = addr_of("10.1.1.0");
	unsigned n[SHARES] = {0};

	(void)state;
	for (size_t i = 0; i < 256; i++, ipaddr_step(&vip))
		n[share_of(&vip)]++;
	for (unsigned i = 0; i < SHARES; i++)
		assert_in_range(n[i], 4, 32);
}

static void test_priorities_are_those_of_vrrp(void **state)
{
	(void)state;
	for (size_t i = 0; i < 256; i++)
		for (unsigned share = 0; share < SHARES; share++) {
			const struct ipaddr pod = pod_of(i);

			assert_in_range(share_priority(&pod, share, false), 128, 254);
			assert_int_equal(share_priority(&pod, share, true),
				share_priority(&pod, share, false) - 127);
		}
}

static void test_shares_spread_over_load_balancers(void **state)
{
	(void)state;
	for (size_t first = 0; first < 200; first++) {
		struct ipaddr pods[PODS];
		unsigned n[PODS] = {0};

		for (size_t i = 0; i < PODS; i++)
			pods[i] = pod_of(first + i);
		for (unsigned share = 0; share < SHARES; share++)
			n[winner(pods, PODS, share)]++;
		for (size_t i = 0; i < PODS; i++)
			assert_in_range(n[i], 0, 11);
	}
}

static void test_who_goes_moves_its_own_alone(void **state)
{
	struct ipaddr pods[PODS];

	(void)state;
	for (size_t i = 0; i < PODS; i++)
		pods[i] = pod_of(i + 1);
	for (unsigned share = 0; share < SHARES; share++)
		if (winner(pods, PODS, share) != PODS - 1)
			assert_int_equal(winner(pods, PODS, share), winner(pods, PODS - 1, share));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says_never_changes),
		cmocka_unit_test(test_vips_spread_over_all_shares),
		cmocka_unit_test(test_priorities_are_those_of_vrrp),
		cmocka_unit_test(test_shares_spread_over_load_balancers),
		cmocka_unit_test(test_who_goes_moves_its_own_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
