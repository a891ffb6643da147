/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static void test_u64_takes_the_whole_range(void **state)
{
	struct err e = {0};
	uint64_t v = 7;

	(void)state;
	assert_int_equal(str_to_u64(&v, "0", 0, 9, &e), 0);
	assert_int_equal(v, 0);
	assert_int_equal(str_to_u64(&v, "65535", 1, 65535, &e), 0);
	assert_int_equal(v, 65535);
	assert_int_equal(str_to_u64(&v, "18446744073709551615", 0, UINT64_MAX, &e), 0);
	assert_true(v == UINT64_MAX);
}

static void test_u64_is_strict(void **state)
{
	static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "01", "00", "0x1", "1e1",
		"1.0", "18446744073709551616", "99999999999999999999999", "1\n", "\xd9\xa1"};
	struct err e = {0};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		assert_int_equal(str_to_u64(&v, wrong[i], 0, UINT64_MAX, &e), -EINVAL);
		assert_int_equal(v, 7);
	}
}

static void test_u64_says_what_would_be_right(void **state)
{
	struct err e = {0};
	uint64_t v;

	(void)state;
	assert_int_equal(str_to_u64(&v, "70000", 1, 65535, &e), -EINVAL);
	assert_string_equal(e.msg, "'70000' is not a number from 1 to 65535");
	assert_int_equal(str_to_u64(&v, "0", 1, 65535, &e), -EINVAL);
}

static void test_bool_is_true_or_false(void **state)
{
	static const char *const wrong[] = {"", "True", "yes", "1", "true ", "tru", "falsehood"};
	struct err e = {0};
	bool b = false;

	(void)state;
	assert_int_equal(str_to_bool(&b, "true", &e), 0);
	assert_true(b);
	assert_int_equal(str_to_bool(&b, "false", &e), 0);
	assert_false(b);
	for (size_t i = 0; i < N(wrong); i++)
		assert_int_equal(str_to_bool(&b, wrong[i], &e), -EINVAL);
}

static void test_choice(void **state)
{
	static const char *const words[] = {"nat", "tunnel", NULL};
	struct err e = {0};
	unsigned choice = 7;

	(void)state;
	assert_int_equal(str_choice(&choice, "tunnel", words, &e), 0);
	assert_int_equal(choice, 1);
	assert_int_equal(str_choice(&choice, "nat ", words, &e), -EINVAL);
	assert_string_equal(e.msg, "'nat ' is none of nat, tunnel");
	assert_int_equal(choice, 1);
}

static void test_usec_reads_every_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t usec;
	} cases[] = {{"0s", 0}, {"7us", 7}, {"500ms", 500000}, {"9s", 9000000}, {"2m", 120000000},
		{"1h", 3600000000}, {"1m30s", 90000000}, {"1h0m0s", 3600000000}};
	struct err e = {0};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_equal(str_to_usec(&v, cases[i].text, 0, UINT64_MAX, &e), 0);
		assert_true(v == cases[i].usec);
	}
}

static void test_usec_is_strict(void **state)
{
	static const char *const wrong[] = {"", "5", "s", "5 s", "5S", "-5s", "05s", "1.5s", "5s ",
		"5sec", "30s1m", "1m30", "1s1s", "1m05s", "99999999999999999h", "5hh", "0"};
	struct err e = {0};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		assert_int_equal(str_to_usec(&v, wrong[i], 0, UINT64_MAX, &e), -EINVAL);
		assert_int_equal(v, 7);
	}
}

static void test_usec_says_what_would_be_right(void **state)
{
	struct err e = {0};
	uint64_t v;

	(void)state;
	assert_int_equal(str_to_usec(&v, "2s", 0, 1500000, &e), -EINVAL);
	assert_string_equal(e.msg, "'2s' is not a duration from 0s to 1500ms");
	assert_int_equal(str_to_usec(&v, "1", 0, 1500000, &e), -EINVAL);
	assert_string_equal(e.msg, "'1' is not a duration from 0s to 1500ms; "
				   "the units are us, ms, s, m and h");
}

static void test_from_usec_takes_the_largest_exact_unit(void **state)
{
	static const struct {
		uint64_t usec;
		const char *text;
	} cases[] = {{0, "0s"}, {1, "1us"}, {1500, "1500us"}, {1000000, "1s"}, {1500000, "1500ms"},
		{60000000, "1m"}, {90000000, "90s"}, {7200000000, "2h"},
		{UINT64_MAX, "18446744073709551615us"}};
	struct err e = {0};
	char buf[32];
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_ptr_equal(str_from_usec(buf, cases[i].usec), buf);
		assert_string_equal(buf, cases[i].text);
		assert_int_equal(str_to_usec(&back, buf, 0, UINT64_MAX, &e), 0);
		assert_true(back == cases[i].usec);
	}
}

static void test_prefix(void **state)
{
	(void)state;
	assert_true(str_has_prefix("kago.dev/vip", "kago.dev/"));
	assert_true(str_has_prefix("x", ""));
	assert_false(str_has_prefix("kago", "kago.dev/"));
	assert_false(str_has_prefix("", "k"));
}

static void test_quote_makes_any_bytes_printable(void **state)
{
	char buf[STR_QUOTED_SIZE];

	(void)state;
	assert_string_equal(str_quote(buf, "mh"), "'mh'");
	assert_string_equal(str_quote(buf, ""), "''");
	assert_string_equal(str_quote(buf, "a\nb\x7f\xc3\xa9"), "'a\\x0ab\\x7f\\xc3\\xa9'");
}

static void test_quote_is_unambiguous(void **state)
{
	char buf[STR_QUOTED_SIZE];

	(void)state;
	assert_string_equal(str_quote(buf, "a' is fine; '"), "'a\\x27 is fine; \\x27'");
	assert_string_equal(str_quote(buf, "\\x0a"), "'\\x5cx0a'");
}

static void test_quote_cuts_long_values(void **state)
{
	char buf[STR_QUOTED_SIZE], text[201];

	(void)state;
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	str_quote(buf, text);
	assert_int_equal(strlen(buf), 1 + 60 * 4 + 4);
	assert_string_equal(buf + strlen(buf) - 4, "...'");
	text[60] = '\0';
	str_quote(buf, text);
	assert_int_equal(strlen(buf), 1 + 60 * 4 + 1);
}

static void test_a_date_is_skipped(void **state)
{
	(void)state;
	assert_string_equal(str_skip_date("Mon Nov 23 17:19:23 2026: up"), "up");
	assert_string_equal(
		str_skip_date("Mon Nov 23 17:19:23 2026: "), "Mon Nov 23 17:19:23 2026: ");
	assert_string_equal(str_skip_date("what 17:19 is: a time, and no date"),
		"what 17:19 is: a time, and no date");
	assert_string_equal(str_skip_date(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_u64_takes_the_whole_range),
		cmocka_unit_test(test_u64_is_strict),
		cmocka_unit_test(test_u64_says_what_would_be_right),
		cmocka_unit_test(test_bool_is_true_or_false),
		cmocka_unit_test(test_usec_reads_every_unit),
		cmocka_unit_test(test_usec_is_strict),
		cmocka_unit_test(test_usec_says_what_would_be_right),
		cmocka_unit_test(test_from_usec_takes_the_largest_exact_unit),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_quote_makes_any_bytes_printable),
		cmocka_unit_test(test_quote_is_unambiguous),
		cmocka_unit_test(test_quote_cuts_long_values),
		cmocka_unit_test(test_a_date_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
