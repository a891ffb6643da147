/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/known.h"

static char gone[256];

static void on_gone(void *ud, const char *ns, const char *name)
{
	size_t len = strlen(gone);

	(void)ud;
	snprintf(gone + len, sizeof gone - len, "%s/%s ", ns, name);
}

static const char *sweep(struct known *k)
{
	gone[0] = '\0';
	known_sweep(k, on_gone, NULL);
	return gone;
}

static void test_what_a_new_list_lacks_is_gone(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	known_put(k, "a", "one", 1);
	known_put(k, "a", "two", 2);
	assert_string_equal(sweep(k), "");
	assert_int_equal(known_count(k), 2);
	known_begin_list(k);
	known_put(k, "a", "two", 2);
	known_put(k, "b", "one", 3);
	assert_string_equal(sweep(k), "a/one ");
	assert_int_equal(known_count(k), 2);
	known_free(k);
}

static void test_what_comes_between_two_lists_stays(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	sweep(k);
	known_put(k, "a", "later", 9);
	assert_string_equal(sweep(k), "");
	assert_true(known_remove(k, "a", "later", 10));
	assert_false(known_remove(k, "a", "later", 10));
	known_free(k);
}

static void test_an_overtaken_event_is_passed_over(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	sweep(k);
	assert_true(known_put(k, "a", "one", 7));
	assert_false(known_put(k, "a", "one", 6));
	assert_true(known_put(k, "a", "one", 7));
	assert_true(known_put(k, "a", "one", 0));
	known_free(k);
}

static void test_an_overtaken_removal_does_not_remove_what_was_made_since(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	known_put(k, "a", "one", 7);
	sweep(k);
	assert_false(known_remove(k, "a", "one", 6));
	assert_int_equal(known_count(k), 1);
	assert_true(known_remove(k, "a", "one", 7));
	known_put(k, "a", "one", 9);
	assert_true(known_remove(k, "a", "one", 0));
	known_free(k);
}

/* An etcd that was restored from a backup counts from there. */
static void test_a_list_may_go_back_in_time(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	known_put(k, "a", "one", 100);
	sweep(k);
	known_begin_list(k);
	assert_true(known_put(k, "a", "one", 5));
	sweep(k);
	assert_true(known_put(k, "a", "one", 6));
	known_free(k);
}

static void test_namespaces_are_apart(void **state)
{
	struct known *k = known_new();

	(void)state;
	known_begin_list(k);
	known_put(k, "a", "bc", 1);
	known_put(k, "ab", "c", 1);
	assert_int_equal(known_count(k), 2);
	known_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_new_list_lacks_is_gone),
		cmocka_unit_test(test_what_comes_between_two_lists_stays),
		cmocka_unit_test(test_an_overtaken_event_is_passed_over),
		cmocka_unit_test(test_an_overtaken_removal_does_not_remove_what_was_made_since),
		cmocka_unit_test(test_a_list_may_go_back_in_time),
		cmocka_unit_test(test_namespaces_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
