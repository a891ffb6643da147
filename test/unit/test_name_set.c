/* SPDX-License-Identifier: Apache-2.0 */
#include "values/name_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

static void names_are_sorted_and_come_once(void **state)
{
	static const char *const names[] = {"c", "a", "b.example", "a"};
	CLEANUP(name_set_done) struct name_set s = {0};
	CLEANUP_FREE char *text = NULL;

	(void)state;
	name_set_build(&s, names, 4);
	text = name_set_format(&s);
	assert_string_equal(text, "a b.example c");
	assert_int_equal(s.n_items, 3);
	assert_true(name_set_has(&s, "b.example"));
	assert_false(name_set_has(&s, "b"));
	assert_false(name_set_has(&s, ""));
}

static void none_is_an_empty_text(void **state)
{
	CLEANUP(name_set_done) struct name_set s = {0}, parsed = {0};
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};

	(void)state;
	name_set_build(&s, NULL, 0);
	text = name_set_format(&s);
	assert_string_equal(text, "");
	assert_false(name_set_has(&s, "a"));
	assert_int_equal(name_set_parse(&parsed, "", 0, &e), 0);
	assert_int_equal(parsed.n_items, 0);
}

static void what_is_written_can_be_read(void **state)
{
	CLEANUP(name_set_done) struct name_set s = {0};
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(name_set_parse(&s, "n-1 n-2 z.example", 17, &e), 0);
	text = name_set_format(&s);
	assert_string_equal(text, "n-1 n-2 z.example");
	assert_true(name_set_has(&s, "n-2"));
}

static void assert_refused(const char *text, const char *message)
{
	struct name_set s = {0};
	struct err e = {0};

	assert_int_equal(name_set_parse(&s, text, 8, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_null(s.names);
}

static void what_nobody_writes_is_refused(void **state)
{
	(void)state;
	assert_refused("a b c d e", "longer than 8 bytes");
	assert_refused("A", "has other characters than names have");
	assert_refused("a\nb", "has other characters than names have");
	assert_refused("b a", "is no sorted list of names");
	assert_refused("a a", "is no sorted list of names");
	assert_refused(" a", "is no sorted list of names");
	assert_refused("a ", "is no sorted list of names");
	assert_refused("a  b", "is no sorted list of names");
	assert_refused(" ", "is no sorted list of names");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_sorted_and_come_once),
		cmocka_unit_test(none_is_an_empty_text),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(what_nobody_writes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
