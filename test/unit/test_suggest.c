/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objects/suggest.h"

static const char *const words[] = {
	"vip", "scheduler", "forward", "health-check", "health-check-path", "health-check-port"};

static const char *nearest(const char *text)
{
	return suggest_nearest(text, words, sizeof words / sizeof words[0]);
}

static void test_a_slip_finds_the_word(void **state)
{
	(void)state;
	assert_string_equal(nearest("schedular"), "scheduler");
	assert_string_equal(nearest("vips"), "vip");
	assert_string_equal(nearest("healthcheck"), "health-check");
	assert_string_equal(nearest("health-check-prt"), "health-check-port");
	assert_string_equal(nearest("Forward"), "forward");
}

static void test_something_else_finds_nothing(void **state)
{
	static const char longest[] = "schedulerschedulerschedulerschedulerschedulerscheduler";

	(void)state;
	assert_null(nearest("bandwidth"));
	assert_null(nearest(""));
	assert_null(nearest(longest));
	assert_null(suggest_nearest("vip", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slip_finds_the_word),
		cmocka_unit_test(test_something_else_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
