/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/timestamp.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static void test_times_are_microseconds_since_1970(void **state)
{
	static const struct {
		const char *text;
		int64_t usec;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2024-02-29T12:00:00Z", 1709208000000000},
		{"2024-02-29T13:00:00+01:00", 1709208000000000},
		{"2024-02-29T06:30:00-05:30", 1709208000000000},
		{"1970-01-01T00:00:00.5Z", 500000},
		{"1970-01-01T00:00:00.1234567899Z", 123456},
		{"9999-12-31T23:59:59Z", 253402300799000000},
	};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int64_t usec = -1;

		assert_int_equal(timestamp_parse(&usec, cases[i].text, &e), 0);
		assert_true(usec == cases[i].usec);
	}
}

static void test_times_are_written_in_whole_seconds(void **state)
{
	char text[TIMESTAMP_TEXT];

	(void)state;
	assert_string_equal(timestamp_format(text, 1709208000999999), "2024-02-29T12:00:00Z");
	assert_string_equal(timestamp_format(text, 0), "1970-01-01T00:00:00Z");
	assert_string_equal(timestamp_format(text, 253402300799000000), "9999-12-31T23:59:59Z");
}

static void test_what_is_no_time_is_refused(void **state)
{
	static const char *const wrong[] = {"", "2024", "2024-02-30T00:00:00Z",
		"2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01 00:00:00Z",
		"2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Z ",
		"2024-01-01T00:00:00+1:00", "+024-01-01T00:00:00Z", "2024-1-01T00:00:00Z",
		"2024-01-01T00:00:00ZZ", "1969-12-31T23:59:59Z"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		int64_t usec = -1;

		assert_int_equal(timestamp_parse(&usec, wrong[i], &e), -EINVAL);
		assert_true(usec == -1);
	}
	assert_string_equal(
		e.msg, "'1969-12-31T23:59:59Z' is not a time such as 2026-01-31T08:15:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_microseconds_since_1970),
		cmocka_unit_test(test_times_are_written_in_whole_seconds),
		cmocka_unit_test(test_what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
