/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sockaddr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_round_trip(const char *text, int family, socklen_t len)
{
	struct ipaddr addr, back = {0};
	union sockaddr_any s;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&addr, text, &e), 0);
	assert_int_equal(sockaddr_set(&s, &addr, 179), len);
	assert_int_equal(s.any.sa_family, family);
	assert_true(sockaddr_get(&back, &s.any));
	assert_true(ipaddr_equal(&addr, &back));
	assert_int_equal(ntohs(family == AF_INET ? s.v4.sin_port : s.v6.sin6_port), 179);
}

static void test_an_address_goes_there_and_back(void **state)
{
	(void)state;
	assert_round_trip("192.0.2.1", AF_INET, sizeof(struct sockaddr_in));
	assert_round_trip("2001:db8::1", AF_INET6, sizeof(struct sockaddr_in6));
}

static void test_other_families_have_no_address(void **state)
{
	const struct sockaddr packet = {.sa_family = AF_PACKET};
	struct ipaddr unused;

	(void)state;
	assert_false(sockaddr_get(&unused, &packet));
	assert_false(sockaddr_get(&unused, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_goes_there_and_back),
		cmocka_unit_test(test_other_families_have_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
