/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addresses.h"
#include "macs.h"

static void test_its_text_has_all_bytes(void **state)
{
	const struct mac m = {{0x02, 0x00, 0x5e, 0xff, 0x0a, 0x01}};
	char text[MAC_TEXT];

	(void)state;
	assert_string_equal(mac_format(text, &m), "02:00:5e:ff:0a:01");
}

static void test_that_of_one_interface_is_neither_zero_nor_a_groups(void **state)
{
	const struct mac zero = {{0}}, one = mac_number(1), all = mac_of_all();
	const struct ipaddr group = addr_of("ff02::1:ff00:1");
	const struct mac of_group = mac_of_group(&group);

	(void)state;
	assert_true(mac_is_unicast(&one));
	assert_false(mac_is_unicast(&zero));
	assert_false(mac_is_unicast(&all));
	assert_false(mac_is_unicast(&of_group));
}

static void test_a_group_has_the_end_of_its_address(void **state)
{
	const struct ipaddr group = addr_of("ff02::1:ff12:3456");
	const struct mac m = mac_of_group(&group), wanted = {{0x33, 0x33, 0xff, 0x12, 0x34, 0x56}};

	(void)state;
	assert_mac(&m, &wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_text_has_all_bytes),
		cmocka_unit_test(test_that_of_one_interface_is_neither_zero_nor_a_groups),
		cmocka_unit_test(test_a_group_has_the_end_of_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
