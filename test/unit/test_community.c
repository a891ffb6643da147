/* SPDX-License-Identifier: Apache-2.0 */
#include "values/community.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* As it is printed: sorted, each once, names for what has one. */
static void assert_reads(const char *text, const char *expected)
{
	struct communities all, again;
	char printed[COMMUNITIES_TEXT];
	struct err e = {0};

	if (communities_parse(&all, text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(communities_format(printed, &all), expected);
	assert_int_equal(communities_parse(&again, printed, &e), 0);
	assert_true(communities_equal(&all, &again));
}

static void test_all_kinds_are_read_and_printed(void **state)
{
	(void)state;
	assert_reads("65000:100", "65000:100");
	assert_reads("65535:65535 0:0", "0:0 65535:65535");
	assert_reads(" 65000:2,65000:1 ,, 65000:2", "65000:1 65000:2");
	assert_reads("no-export,no-advertise graceful-shutdown no-export-subconfed",
		"graceful-shutdown no-export no-advertise no-export-subconfed");
	assert_reads("65535:65281 65535:666 blackhole", "blackhole no-export");
	assert_reads("4294967295:0:7 65000:1:2", "65000:1:2 4294967295:0:7");
	assert_reads("target:65000:4294967295 target:65536:7 origin:10.0.0.1:65535",
		"target:65000:4294967295 origin:10.0.0.1:65535 target:65536:7");
	assert_reads("origin:65000:1 65000:1 65000:1:1", "65000:1 65000:1:1 origin:65000:1");
}

static void test_what_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"65536:1", "1:65536", "65000", "65000:1:2:3",
		"65000:", ":1", "65000:1:", "01:1", "-1:1", "no-exports", "NO-EXPORT", "target:1",
		"target:1:2:3", "target:65536:65536", "target:10.0.0.1:65536", "target:fd00::1:1",
		"origin:x:1", "4294967296:1:1", "1:1;", "[", "0xff", "65000:1\nwithdraw"};
	struct communities all;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(communities_parse(&all, bad[i], &e), -EINVAL);
		assert_non_null(strstr(e.msg, "is no community: neither 65000:100 nor"));
	}
	assert_int_equal(communities_parse(&all, " , ", &e), -EINVAL);
	assert_string_equal(e.msg, "is empty; name at least one, such as 65000:100");
}

static void test_there_is_a_ceiling(void **state)
{
	char text[16 * (LIMIT_COMMUNITIES + 2)] = "";
	struct communities all;
	struct err e = {0};
	size_t at = 0;

	(void)state;
	for (int i = 0; i < LIMIT_COMMUNITIES; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "65000:%d ", i);
	assert_int_equal(communities_parse(&all, text, &e), 0);
	snprintf(text + at, sizeof text - at, "65000:7 65001:0");
	assert_int_equal(communities_parse(&all, text, &e), -EINVAL);
	assert_string_equal(e.msg, "more than 32 communities");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds_are_read_and_printed),
		cmocka_unit_test(test_what_is_none_is_refused),
		cmocka_unit_test(test_there_is_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
