/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

/* Of RFC 4648, section 10, and the two digits that are no letters. */
static const struct {
	const char *bytes, *text;
} vectors[] = {
	{"", ""},
	{"f", "Zg=="},
	{"foo", "Zm9v"},
	{"ba", "YmE="},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xfb\xff\xbf", "+/+/"},
};

static void test_the_vectors_of_the_rfc_hold_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(vectors); i++) {
		size_t expected = strlen(vectors[i].bytes), len;
		CLEANUP_FREE char *text = base64_encode(vectors[i].bytes, expected);
		CLEANUP_FREE char *bytes = NULL;
		struct err e = {0};

		assert_string_equal(text, vectors[i].text);
		assert_int_equal(base64_decode(&bytes, &len, text, &e), 0);
		assert_int_equal(len, expected);
		assert_string_equal(bytes, vectors[i].bytes);
	}
}

static void test_every_byte_survives(void **state)
{
	char all[256];
	CLEANUP_FREE char *text = NULL, *bytes = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	text = base64_encode(all, sizeof all);
	assert_int_equal(base64_decode(&bytes, &len, text, &e), 0);
	assert_int_equal(len, sizeof all);
	assert_memory_equal(bytes, all, sizeof all);
}

static void test_line_ends_are_skipped(void **state)
{
	CLEANUP_FREE char *bytes = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(base64_decode(&bytes, &len, "Zm9v\r\nYg\n=\n=\n", &e), 0);
	assert_string_equal(bytes, "foob");
}

static void test_what_would_not_be_written_is_refused_without_being_quoted(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{"Zg", "not base64: its length is no multiple of 4"},
		{"Zg=", "not base64: its length is no multiple of 4"},
		{"=", "not base64: its length is no multiple of 4"},
		{"Zg==Zg==", "not base64: character 3 is none of it"},
		{"Z===", "not base64: character 2 is none of it"},
		{"====", "not base64: character 1 is none of it"},
		{"Zm9v Zg=", "not base64: character 5 is none of it"},
		{"-_-_", "not base64: character 1 is none of it"},
		{"Zm9\xc3", "not base64: character 4 is none of it"},
		{"Zh==", "not base64: it ends within a byte"},
		{"Zm9=", "not base64: it ends within a byte"},
	};

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		char *bytes = NULL;
		struct err e = {0};
		size_t len;

		assert_int_equal(base64_decode(&bytes, &len, wrong[i].text, &e), -EINVAL);
		assert_string_equal(e.msg, wrong[i].message);
		assert_null(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_vectors_of_the_rfc_hold_both_ways),
		cmocka_unit_test(test_every_byte_survives),
		cmocka_unit_test(test_line_ends_are_skipped),
		cmocka_unit_test(test_what_would_not_be_written_is_refused_without_being_quoted),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
