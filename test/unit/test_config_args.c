/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIRST "KAGO_TEST_FIRST"
#define OTHER "KAGO_TEST_OTHER"

static void what_is_said_first_counts_unless_it_is_empty(void **state)
{
	(void)state;
	unsetenv(FIRST);
	unsetenv(OTHER);
	assert_null(config_args_or_env(NULL, FIRST, OTHER));
	setenv(OTHER, "o", 1);
	assert_string_equal(config_args_or_env(NULL, FIRST, OTHER), "o");
	setenv(FIRST, "", 1);
	assert_string_equal(config_args_or_env(NULL, FIRST, OTHER), "o");
	setenv(FIRST, "f", 1);
	assert_string_equal(config_args_or_env(NULL, FIRST, OTHER), "f");
	assert_string_equal(config_args_or_env("flag", FIRST, OTHER), "flag");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_first_counts_unless_it_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
