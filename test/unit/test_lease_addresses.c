/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/lease_addresses.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

static void test_none_one_or_one_of_each_family(void **state)
{
	struct ipaddr list[LIMIT_LEASE_ADDRESSES];
	char text[IPADDR_TEXT];
	struct err e = {0};
	size_t n = 7;

	(void)state;
	assert_int_equal(lease_addresses_parse(list, &n, "", &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(lease_addresses_parse(list, &n, "172.16.1.2", &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(lease_addresses_parse(list, &n, "172.16.1.2,fd00::2", &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ipaddr_format(text, &list[0]), "172.16.1.2");
	assert_string_equal(ipaddr_format(text, &list[1]), "fd00::2");
}

static void test_anything_else_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{"x", "'x' is not an IP address"},
		{"10.0.0.0/8", "'10.0.0.0/8' is not an IP address"},
		{"10.0.0.1,", "'' is not an IP address"},
		{",10.0.0.1", "'' is not an IP address"},
		{"10.0.0.1, 10.0.0.2", "' 10.0.0.2' is not an IP address"},
		{"127.0.0.1", "'127.0.0.1' is no address of a pod or a node"},
		{"10.0.0.1,::", "'::' is no address of a pod or a node"},
		{"10.0.0.1,10.0.0.2,10.0.0.3", "more than 2 addresses"},
	};
	struct ipaddr list[LIMIT_LEASE_ADDRESSES];
	size_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct err e = {0};

		assert_int_equal(lease_addresses_parse(list, &n, wrong[i].text, &e), -EINVAL);
		assert_string_equal(e.msg, wrong[i].why);
		assert_int_equal(n, 7);
	}
}

static void test_what_changes_is_told(void **state)
{
	CLEANUP(lease_addresses_done) struct lease_addresses a = {0};
	struct err e = {0};

	(void)state;
	assert_false(lease_addresses_set(&a, "", &e));
	assert_true(lease_addresses_set(&a, "172.16.1.2", &e));
	assert_false(lease_addresses_set(&a, "172.16.1.2", &e));
	assert_int_equal(e.code, 0);
	assert_int_equal(a.n_items, 1);
	assert_true(lease_addresses_set(&a, "x", &e));
	assert_int_equal(e.code, EINVAL);
	assert_int_equal(a.n_items, 0);
	e = (struct err){0};
	assert_false(lease_addresses_set(&a, "x", &e));
	assert_int_equal(e.code, 0);
	assert_true(lease_addresses_set(&a, "fd00::2,172.16.1.2", &e));
	assert_true(lease_addresses_set(&a, "", &e));
	assert_int_equal(a.n_items, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_one_or_one_of_each_family),
		cmocka_unit_test(test_anything_else_is_refused),
		cmocka_unit_test(test_what_changes_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
