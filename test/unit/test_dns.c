/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "values/dns.h"

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void test_labels_are_those_of_rfc_1123(void **state)
{
	static const char *const right[] = {"a", "0", "80-web", "a--b", L63};
	static const char *const wrong[] = {
		"", "-a", "a-", "A", "a.b", "a_b", "a b", "\xc3\xa9", L63 "a", "a\n", "{", "$x"};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		assert_true(dns_label_valid(right[i]));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(dns_label_valid(wrong[i]));
}

static void test_subdomains_are_labels_with_dots(void **state)
{
	static const char *const right[] = {"a", "web.v2", "1.2.3", L63 "." L63 "." L63, L63 "a.b"};
	static const char *const wrong[] = {
		"", ".", "a.", ".a", "a..b", "a.-b", "A.b", L63 "." L63 "." L63 "." L63};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		assert_true(dns_subdomain_valid(right[i]));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(dns_subdomain_valid(wrong[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels_are_those_of_rfc_1123),
		cmocka_unit_test(test_subdomains_are_labels_with_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
