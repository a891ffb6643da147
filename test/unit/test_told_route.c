/* SPDX-License-Identifier: Apache-2.0 */
#include "control/told_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void decode(struct told_route *ret, const char *text)
{
	json_t *item = json_loads(text, 0, NULL);
	struct err e = {0};

	if (told_route_decode(ret, item, &e) < 0)
		fail_msg("%s", e.msg);
	json_decref(item);
}

/* What one side builds, the other reads, and it is what docs say. */
static void test_both_sides_agree(void **state)
{
	static const char *const texts[] = {
		"{\"prefix\":\"10.1.1.1/32\"}",
		"{\"communities\":\"65000:100 no-export "
		"target:65000:1\",\"prefix\":\"10.1.1.1/32\"}",
		"{\"asPathPrepend\":\"16\",\"localPreference\":\"4294967295\",\"med\":\"0\","
		"\"peers\":\"10.0.0.1 tor1\",\"prefix\":\"fd00:1::1/128\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct told_route r;
		json_t *item;
		char *text;

		decode(&r, texts[i]);
		item = told_route_build(&r);
		text = json_dumps(item, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, texts[i]);
		assert_int_equal(r.attributes != NULL, i > 0);
		free(text);
		json_decref(item);
		attributes_unref(r.attributes);
	}
}

static void test_what_is_wrong_is_not_taken(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"prefix\":\"10.1.1.1/24\"}",
		"{\"prefix\":\"10.1.1.1/32\",\"med\":1}",
		"{\"prefix\":\"10.1.1.1/32\",\"med\":\"4294967296\"}",
		"{\"prefix\":\"10.1.1.1/32\",\"asPathPrepend\":\"17\"}",
		"{\"prefix\":\"10.1.1.1/32\",\"communities\":\"\"}",
		"{\"prefix\":\"10.1.1.1/32\",\"peers\":\"a;b\"}",
	};
	struct told_route r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *item = json_loads(texts[i], 0, NULL);

		assert_int_equal(told_route_decode(&r, item, &e), -EINVAL);
		json_decref(item);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_agree),
		cmocka_unit_test(test_what_is_wrong_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
