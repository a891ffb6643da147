/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "doc/jsonx.h"

static int make_object(void **state)
{
	*state = json_loads(
		"{\"name\": \"web\", \"on\": true, \"port\": 80, \"big\": 9223372036854775807,"
		" \"below\": -1, \"half\": 0.5, \"none\": null, \"list\": [1], \"object\": {},"
		" \"a\": {\"b\": {\"c\": \"deep\", \"none\": null}}}",
		0, NULL);
	return *state ? 0 : -1;
}

static int free_object(void **state)
{
	json_decref(*state);
	return 0;
}

static void test_values_by_path(void **state)
{
	const char *text = NULL;
	json_t *value = NULL;
	struct err e = {0};
	uint64_t n = 0;
	bool on = false;

	assert_int_equal(jsonx_str(&text, *state, "name", &e), 0);
	assert_string_equal(text, "web");
	assert_int_equal(jsonx_str(&text, *state, "a.b.c", &e), 0);
	assert_string_equal(text, "deep");
	assert_int_equal(jsonx_need_str(&text, *state, "name", &e), 0);
	assert_string_equal(text, "web");
	assert_int_equal(jsonx_bool(&on, *state, "on", &e), 0);
	assert_true(on);
	assert_int_equal(jsonx_u64(&n, *state, "port", 80, 80, &e), 0);
	assert_int_equal(n, 80);
	assert_int_equal(jsonx_u64(&n, *state, "big", 0, UINT64_MAX, &e), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(jsonx_object(&value, *state, "object", &e), 0);
	assert_true(json_is_object(value));
	assert_int_equal(jsonx_array(&value, *state, "list", &e), 0);
	assert_int_equal(json_array_size(value), 1);
}

static void test_members_are_found_without_reading(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{"{\"a\":{\"b\":[1,{\"c\":\"]}\"}]}}", "[1,{\"c\":\"]}\"}]"},
		{" { \"x\" : {\"b\":7}, \"a\" : { \"b\" : 1 } } ", "1 "},
		{"{\"b\":\"\\\"}\",\"a\":{\"x\":[{}],\"b\":null,\"c\":1}}", "null"},
		{"{\"a\":{\"bb\":1}}", NULL},
		{"{\"b\":{\"a\":1}}", NULL},
		{"{\"a\":[{\"b\":1}]}", NULL},
		{"{\"a\":{\"b\":[1", NULL},
		{"{\"a\":{\"b", NULL},
		{"{}", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len = 0;
		const char *found =
			jsonx_find_text(&len, cases[i].text, strlen(cases[i].text), "a.b");

		if (!cases[i].found) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_int_equal(len, strlen(cases[i].found));
		assert_memory_equal(found, cases[i].found, len);
	}
}

static void test_values_are_counted_before_and_after_reading(void **state)
{
	static const struct {
		const char *text;
		size_t before, after;
	} cases[] = {
		{"7", 1, 1},
		{"{}", 2, 1},
		{"[[],{}]", 5, 3},
		{"[1,2,3]", 4, 4},
		{"{\"a\":{\"b\":[true,null]},\"c\":\"d\"}", 6, 6},
		{"[\"{[,\\\",\\\\\",\"\\\\\"]", 3, 3},
		{"[{\"a,b\":\",\"}]", 3, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_auto_t *value = json_loads(cases[i].text, JSON_DECODE_ANY, NULL);

		assert_non_null(value);
		assert_int_equal(
			jsonx_count(cases[i].text, strlen(cases[i].text)), cases[i].before);
		assert_int_equal(jsonx_size(value), cases[i].after);
	}
	assert_int_equal(jsonx_count("\"\\", 2), 1);
	assert_int_equal(jsonx_count("\"", 1), 1);
	assert_int_equal(jsonx_count("", 0), 1);
}

static void test_absent_and_null_keep_the_default(void **state)
{
	static const char *const paths[] = {"x", "none", "a.x", "a.x.y", "none.x", "a.b.none"};
	struct err e = {0};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		const char *text = "default";
		json_t *value = *state;
		uint64_t n = 7;
		bool on = true;

		assert_int_equal(jsonx_str(&text, *state, paths[i], &e), 0);
		assert_string_equal(text, "default");
		assert_int_equal(jsonx_bool(&on, *state, paths[i], &e), 0);
		assert_true(on);
		assert_int_equal(jsonx_u64(&n, *state, paths[i], 0, 9, &e), 0);
		assert_int_equal(n, 7);
		assert_int_equal(jsonx_object(&value, *state, paths[i], &e), 0);
		assert_int_equal(jsonx_array(&value, *state, paths[i], &e), 0);
		assert_ptr_equal(value, *state);
	}
	assert_int_equal(e.code, 0);
}

static void test_need_str_wants_a_value(void **state)
{
	const char *text = "kept";
	struct err e = {0};

	assert_int_equal(jsonx_need_str(&text, *state, "a.name", &e), -EINVAL);
	assert_string_equal(e.msg, "a.name: missing");
	assert_int_equal(jsonx_need_str(&text, *state, "none", &e), -EINVAL);
	assert_string_equal(e.msg, "none: missing");
	assert_int_equal(jsonx_need_str(&text, *state, "port", &e), -EINVAL);
	assert_string_equal(e.msg, "port: must be a string, not a whole number");
	assert_string_equal(text, "kept");
}

static void test_wrong_types_are_named(void **state)
{
	const char *text;
	json_t *value;
	struct err e = {0};
	uint64_t n;
	bool on;

	assert_int_equal(jsonx_str(&text, *state, "list", &e), -EINVAL);
	assert_string_equal(e.msg, "list: must be a string, not a list");
	assert_int_equal(jsonx_bool(&on, *state, "name", &e), -EINVAL);
	assert_string_equal(e.msg, "name: must be true or false, not a string");
	assert_int_equal(jsonx_u64(&n, *state, "half", 0, 9, &e), -EINVAL);
	assert_string_equal(e.msg, "half: must be a whole number, not a fraction");
	assert_int_equal(jsonx_object(&value, *state, "on", &e), -EINVAL);
	assert_string_equal(e.msg, "on: must be an object, not true or false");
	assert_int_equal(jsonx_array(&value, *state, "object", &e), -EINVAL);
	assert_string_equal(e.msg, "object: must be a list, not an object");
}

static void test_numbers_have_a_range(void **state)
{
	struct err e = {0};
	uint64_t n = 7;

	assert_int_equal(jsonx_u64(&n, *state, "port", 81, 65535, &e), -EINVAL);
	assert_string_equal(e.msg, "port: 80 is not a number from 81 to 65535");
	assert_int_equal(jsonx_u64(&n, *state, "port", 1, 79, &e), -EINVAL);
	assert_int_equal(jsonx_u64(&n, *state, "below", 0, UINT64_MAX, &e), -EINVAL);
	assert_int_equal(n, 7);
}

static void test_a_path_leads_through_objects_only(void **state)
{
	json_auto_t *list = json_array();
	const char *text;
	struct err e = {0};

	assert_int_equal(jsonx_str(&text, *state, "list.x", &e), -EINVAL);
	assert_string_equal(e.msg, "list: must be an object, not a list");
	assert_int_equal(jsonx_str(&text, *state, "a.b.c.d", &e), -EINVAL);
	assert_string_equal(e.msg, "a.b.c: must be an object, not a string");
	assert_int_equal(jsonx_str(&text, list, "x", &e), -EINVAL);
	assert_string_equal(e.msg, "must be an object, not a list");
}

static void test_a_string_is_not_cut_at_a_nul(void **state)
{
	json_auto_t *object = json_pack("{s:s#}", "name", "a\0b", 3);
	const char *text = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(jsonx_str(&text, object, "name", &e), -EINVAL);
	assert_string_equal(e.msg, "name: contains a NUL byte");
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_by_path),
		cmocka_unit_test(test_members_are_found_without_reading),
		cmocka_unit_test(test_values_are_counted_before_and_after_reading),
		cmocka_unit_test(test_absent_and_null_keep_the_default),
		cmocka_unit_test(test_need_str_wants_a_value),
		cmocka_unit_test(test_wrong_types_are_named),
		cmocka_unit_test(test_numbers_have_a_range),
		cmocka_unit_test(test_a_path_leads_through_objects_only),
		cmocka_unit_test(test_a_string_is_not_cut_at_a_nul),
	};

	return cmocka_run_group_tests(tests, make_object, free_object);
}
