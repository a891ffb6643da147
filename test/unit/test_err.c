/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

static void test_set_returns_the_negative_code(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, EINVAL, "port %d is taken", 80), -EINVAL);
	assert_int_equal(e.code, EINVAL);
	assert_string_equal(e.msg, "port 80 is taken");
}

static void test_errno_appends_its_text(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_errno(&e, ENOENT, "reading %s", "/x"), -ENOENT);
	assert_string_equal(e.msg, "reading /x: No such file or directory");
}

static void test_wrap_puts_context_before_and_keeps_the_code(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, EAGAIN, "busy");
	assert_int_equal(err_wrap(&e, "starting %s", "keepalived"), -EAGAIN);
	assert_int_equal(e.code, EAGAIN);
	assert_string_equal(e.msg, "starting keepalived: busy");
}

static void test_a_message_can_quote_the_one_it_replaces(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, EINVAL, "busy");
	err_set(&e, EAGAIN, "first %s", e.msg);
	assert_string_equal(e.msg, "first busy");
	err_wrap(&e, "again %s", e.msg);
	assert_string_equal(e.msg, "again first busy: first busy");
	err_errno(&e, EPERM, "%s", "x");
	err_errno(&e, EPERM, "%s", e.msg);
	assert_string_equal(e.msg, "x: Operation not permitted: Operation not permitted");
}

static void assert_cut(const struct err *e)
{
	assert_int_equal(strlen(e->msg), ERR_MSG_SIZE - 1);
	assert_string_equal(e->msg + ERR_MSG_SIZE - 4, "...");
}

static void test_a_long_message_ends_in_dots(void **state)
{
	struct err e = {0};
	char text[2 * ERR_MSG_SIZE];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&e, EINVAL, "%s", text);
	assert_cut(&e);
	err_wrap(&e, "context");
	assert_cut(&e);
	assert_memory_equal(e.msg, "context: xxx", 12);
	err_wrap(&e, "%s", text);
	assert_cut(&e);
	err_errno(&e, EINVAL, "%s", text);
	assert_cut(&e);
}

static void test_a_message_that_just_fits_is_whole(void **state)
{
	struct err e = {0};
	char text[ERR_MSG_SIZE];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&e, EINVAL, "%s", text);
	assert_string_equal(e.msg, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_returns_the_negative_code),
		cmocka_unit_test(test_errno_appends_its_text),
		cmocka_unit_test(test_wrap_puts_context_before_and_keeps_the_code),
		cmocka_unit_test(test_a_message_can_quote_the_one_it_replaces),
		cmocka_unit_test(test_a_long_message_ends_in_dots),
		cmocka_unit_test(test_a_message_that_just_fits_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
