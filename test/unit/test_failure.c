/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "kube/failure.h"

static void test_a_broken_connection_is_told_with_the_server_and_no_query(void **state)
{
	struct err e = {0};

	(void)state;
	failure_transport(&e, "https://10.0.0.1:6443/api/v1/services?limit=1", "refused");
	assert_int_equal(e.code, EIO);
	assert_string_equal(e.msg, "https://10.0.0.1:6443: refused");
}

static void test_the_server_is_quoted_when_it_says_why(void **state)
{
	struct err e = {0};

	(void)state;
	failure_http(&e, 403, "{\"kind\":\"Status\",\"message\":\"services is forbidden\"}");
	assert_string_equal(e.msg, "HTTP 403: services is forbidden");
	failure_http(&e, 502, "<html>");
	assert_string_equal(e.msg, "HTTP 502: '<html>'");
	failure_http(&e, 502, "{\"message\":7}");
	assert_string_equal(e.msg, "HTTP 502: '{\"message\":7}'");
	failure_http(&e, 500, "");
	assert_string_equal(e.msg, "HTTP 500");
	failure_http(&e, 500, NULL);
	assert_string_equal(e.msg, "HTTP 500");
}

static void test_an_answer_is_json_or_an_error(void **state)
{
	json_auto_t *body = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(failure_parse(&body, NULL, 0, &e), -EINVAL);
	assert_string_equal(e.msg, "the answer is empty");
	assert_int_equal(failure_parse(&body, "{\"a\":", 5, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "the answer is no JSON: "));
	assert_null(body);
	assert_int_equal(failure_parse(&body, "{\"a\":1}x", 7, &e), 0);
	assert_int_equal(json_object_size(body), 1);
}

/* In the annotation of one object of a list. */
static void test_an_answer_may_have_a_nul(void **state)
{
	static const char text[] = "{\"a\":\"b\\u0000c\"}";
	json_auto_t *body = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(failure_parse(&body, text, strlen(text), &e), 0);
}

static void test_an_answer_of_too_many_values_is_not_read(void **state)
{
	size_t len = 2 * LIMIT_KUBE_BODY_VALUES + 3;
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	json_auto_t *body = NULL;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < len; i++)
		text[i] = i % 2 ? '0' : ',';
	text[0] = '[';
	text[len - 1] = ']';
	assert_int_equal(failure_parse(&body, text, len, &e), -EINVAL);
	assert_string_equal(e.msg, "the answer has more than 2000000 values");
	failure_http(&e, 500, text);
	assert_non_null(strstr(e.msg, "HTTP 500: '[0,0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_broken_connection_is_told_with_the_server_and_no_query),
		cmocka_unit_test(test_the_server_is_quoted_when_it_says_why),
		cmocka_unit_test(test_an_answer_is_json_or_an_error),
		cmocka_unit_test(test_an_answer_may_have_a_nul),
		cmocka_unit_test(test_an_answer_of_too_many_values_is_not_read),
	};

	return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
