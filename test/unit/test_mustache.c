/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doc/mustache.h"
#include "doc/yaml.h"

/* Parses and fills; the text or the error's message. */
static char *fill(const char *template, const json_t *view, int *ret_code)
{
	struct mustache *m = NULL;
	struct err e = {0};
	char *text = NULL;
	size_t len = 0;

	*ret_code = mustache_parse(&m, template, strlen(template), &e);
	if (*ret_code == 0)
		*ret_code = mustache_render(&text, &len, m, view, &e);
	mustache_free(m);
	if (*ret_code != 0) {
		assert_null(text);
		return xstrdup(e.msg);
	}
	assert_int_equal(strlen(text), len);
	return text;
}

static void check_case(const json_t *c)
{
	const char *text = json_string_value(json_object_get(c, "text"));
	const char *error = json_string_value(json_object_get(c, "error"));
	const char *template = json_string_value(json_object_get(c, "template"));
	CLEANUP_FREE char *got = NULL;
	int code;

	assert_true(template && (text || error));
	got = fill(template, json_object_get(c, "view"), &code);
	if (strcmp(got, text ? text : error) != 0 || code != (text ? 0 : -EINVAL))
		fail_msg("'%s': %s\ngives (%d) %s\ninstead of %s",
			json_string_value(json_object_get(c, "name")), template, code, got,
			text ? text : error);
}

static void test_cases_of_the_specification(void **state)
{
	json_auto_t *documents = NULL;
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	json_t *c;
	size_t len, i;

	(void)state;
	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/test/unit/data/mustache.yaml", 1 << 20, &e) <
			0 ||
		yaml_parse(&documents, text, len, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(json_array_size(json_array_get(documents, 0)) > 100);
	json_array_foreach(json_array_get(documents, 0), i, c)
		check_case(c);
}

static char *repeat(const char *text, size_t n)
{
	size_t len = strlen(text);
	char *all = xcalloc(n * len + 1, 1);

	for (size_t i = 0; i < n; i++)
		memcpy(all + i * len, text, len);
	return all;
}

static void test_sections_nest_up_to_the_limit(void **state)
{
	CLEANUP_FREE char *opened = repeat("{{#s}}", LIMIT_TEMPLATE_DEPTH);
	CLEANUP_FREE char *closed = repeat("{{/s}}", LIMIT_TEMPLATE_DEPTH);
	CLEANUP_FREE char *deepest = xasprintf("%sx%s", opened, closed);
	CLEANUP_FREE char *deeper = xasprintf("{{#s}}%s{{/s}}", deepest);
	json_auto_t *view = json_pack("{s:b}", "s", 1);
	CLEANUP_FREE char *text = NULL, *error = NULL;
	int code;

	(void)state;
	text = fill(deepest, view, &code);
	assert_string_equal(text, "x");
	error = fill(deeper, view, &code);
	assert_int_equal(code, -EINVAL);
	assert_string_equal(error, "line 1: sections are nested too deep");
}

static void test_a_large_template_is_refused(void **state)
{
	CLEANUP_FREE char *large = repeat("x", LIMIT_TEMPLATE_BYTES + 1);
	struct mustache *m = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(mustache_parse(&m, large, LIMIT_TEMPLATE_BYTES, &e), 0);
	m = mustache_free(m);
	assert_int_equal(mustache_parse(&m, large, LIMIT_TEMPLATE_BYTES + 1, &e), -EFBIG);
	assert_null(m);
}

/* Lists in lists multiply: without the limits this would take all memory, or for ever. */
static void check_multiplied(const char *body, const char *expected)
{
	json_auto_t *view = json_pack("{s:[iiiiiiiiii]}", "s", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	CLEANUP_FREE char *opened = repeat("{{#s}}", LIMIT_TEMPLATE_DEPTH);
	CLEANUP_FREE char *closed = repeat("{{/s}}", LIMIT_TEMPLATE_DEPTH);
	CLEANUP_FREE char *template = xasprintf("%s%s%s", opened, body, closed);
	CLEANUP_FREE char *error = NULL;
	int code;

	error = fill(template, view, &code);
	assert_int_equal(code, -EFBIG);
	assert_string_equal(error, expected);
}

static void test_multiplying_lists_end(void **state)
{
	CLEANUP_FREE char *long_text = repeat("0123456789", 10 * 1024);

	(void)state;
	check_multiplied(long_text, "the text becomes larger than 268435456 bytes");
	check_multiplied("", "it takes more than 16000000 steps");
}

static void test_a_template_outlives_its_text_and_renders_the_same_again(void **state)
{
	char template[] = "{{#l}}{{.}},{{/l}}";
	json_auto_t *view = json_pack("{s:[ss]}", "l", "a", "b");
	CLEANUP_FREE char *first = NULL, *second = NULL;
	struct mustache *m = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(mustache_parse(&m, template, strlen(template), &e), 0);
	memset(template, 'x', sizeof template);
	assert_int_equal(mustache_render(&first, &len, m, view, &e), 0);
	assert_int_equal(mustache_render(&second, &len, m, view, &e), 0);
	mustache_free(m);
	assert_string_equal(first, "a,b,");
	assert_string_equal(second, "a,b,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_of_the_specification),
		cmocka_unit_test(test_sections_nest_up_to_the_limit),
		cmocka_unit_test(test_a_large_template_is_refused),
		cmocka_unit_test(test_multiplying_lists_end),
		cmocka_unit_test(test_a_template_outlives_its_text_and_renders_the_same_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
