/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_delays_double_up_to_the_maximum(void **state)
{
	struct backoff b = {.min = 100, .max = 1000};
	const uint64_t expected[] = {100, 200, 400, 800, 1000, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		uint64_t delay = backoff_next(&b, 0);

		assert_in_range(delay, expected[i], expected[i] + expected[i] / 4);
	}
}

static void test_having_worked_long_starts_over(void **state)
{
	struct backoff b = {.min = 100, .max = 1000};

	(void)state;
	for (int i = 0; i < 5; i++)
		backoff_next(&b, 1000);
	assert_in_range(backoff_next(&b, 1001), 100, 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_double_up_to_the_maximum),
		cmocka_unit_test(test_having_worked_long_starts_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
