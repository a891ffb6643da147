/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

enum { SECOND = 1000 * 1000, BEGIN = 1000 * SECOND };

/* Entries as text: "1a 2b" is the value 'a' of the key 1 and the value 'b' of the key 2. */
static struct sketch sketch_of(const char *text)
{
	struct sketch s = {0};

	for (; *text; text += strspn(text + 2, " ") + 2) {
		const struct sketch_entry entry = {(uint64_t)text[0], (uint64_t)text[1]};

		sketch_toggle(&s, &entry);
	}
	return s;
}

static void ours(struct agreement *a, const char *text, uint64_t at)
{
	const struct sketch s = sketch_of(text);

	agreement_ours(a, &s, BEGIN + at * SECOND);
}

static void theirs(struct agreement *a, const char *text, uint64_t at)
{
	const struct sketch s = sketch_of(text);
	CLEANUP_FREE char *told = sketch_format(&s);
	struct err e = {0};

	agreement_theirs(a, "b", told, BEGIN + at * SECOND, &e);
	assert_int_equal(e.code, 0);
}

/* "1! 2": keys that differ, with '!' where that counts. */
static void assert_differ(const struct agreement *a, const char *wanted)
{
	const struct agreement_peer *p = agreement_next(a, NULL);
	char text[SKETCH_DIFFERENT * 3 + 1] = "";
	size_t len = 0;

	assert_non_null(p);
	assert_string_equal(p->pod, "b");
	assert_true(p->known);
	for (size_t i = 0; i < p->n_items; i++) {
		if (len)
			text[len++] = ' ';
		text[len++] = (char)p->items[i].key;
		if (p->items[i].counts)
			text[len++] = '!';
	}
	assert_string_equal(text, wanted);
	assert_int_equal(p->equal, !*wanted);
	assert_int_equal(p->more.n_values, 0);
	assert_null(agreement_next(a, p));
}

static void who_says_the_same_is_equal(void **state)
{
	CLEANUP(agreement_freep) struct agreement *a = agreement_new();

	(void)state;
	ours(a, "1a 2b", 0);
	theirs(a, "2b 1a", 1);
	assert_differ(a, "");
}

static void what_differs_counts_after_a_while_and_until_it_is_gone(void **state)
{
	CLEANUP(agreement_freep) struct agreement *a = agreement_new();

	(void)state;
	ours(a, "1a 2b", 0);
	theirs(a, "1a 2c 3d", 1);
	assert_differ(a, "2 3");
	theirs(a, "1a 2c 3d", 30);
	assert_differ(a, "2 3");
	theirs(a, "1a 2c", 31);
	assert_differ(a, "2!");
	theirs(a, "1a 2e", 32);
	assert_differ(a, "2!");
	theirs(a, "1a 2b", 33);
	assert_differ(a, "");
	theirs(a, "1a 2e", 34);
	assert_differ(a, "2");
}

/* Where one thing after another changes they are never seen to be equal. */
static void what_changes_all_the_time_does_not_count(void **state)
{
	static const char *const said[] = {"1a", "1b", "1c", "1d"};
	CLEANUP(agreement_freep) struct agreement *a = agreement_new();

	(void)state;
	for (uint64_t i = 0; i < 40; i++) {
		ours(a, said[(i + 1) % 4], i * 10);
		theirs(a, said[i % 4], i * 10 + 5);
		assert_differ(a, "1");
	}
}

static void who_says_nothing_is_unknown(void **state)
{
	CLEANUP(agreement_freep) struct agreement *a = agreement_new();
	struct err e = {0};

	(void)state;
	theirs(a, "1a", 0);
	assert_false(agreement_next(a, NULL)->known);
	assert_null(agreement_our_sketch(a));
	ours(a, "1a", 1);
	assert_differ(a, "");
	agreement_theirs(a, "b", "", BEGIN + 2 * SECOND, &e);
	assert_int_equal(e.code, 0);
	assert_false(agreement_next(a, NULL)->known);
	agreement_theirs(a, "b", "AAAA", BEGIN + 3 * SECOND, &e);
	assert_int_equal(e.code, EINVAL);
	assert_false(agreement_next(a, NULL)->known);
	agreement_gone(a, "b");
	agreement_gone(a, "c");
	assert_null(agreement_next(a, NULL));
}

static void more_than_can_be_told_is_one_difference_and_hides_none(void **state)
{
	CLEANUP(agreement_freep) struct agreement *a = agreement_new();
	char many[3 * 90] = "";
	const struct agreement_peer *p;

	(void)state;
	for (size_t i = 0; i < 80; i++)
		memcpy(many + 3 * i, (char[]){(char)('A' + i % 60), (char)('A' + i / 60), ' '}, 3);
	ours(a, "1a", 0);
	theirs(a, "1b", 0);
	theirs(a, "1b", 40);
	assert_differ(a, "1!");
	ours(a, many, 50);
	p = agreement_next(a, NULL);
	assert_false(p->equal);
	assert_int_equal(p->more.n_values, 2);
	assert_false(p->more.counts);
	assert_int_equal(p->n_items, 1);
	assert_true(p->items[0].counts);
	ours(a, many, 80);
	assert_true(p->more.counts);
	ours(a, "1b", 81);
	assert_differ(a, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_the_same_is_equal),
		cmocka_unit_test(what_differs_counts_after_a_while_and_until_it_is_gone),
		cmocka_unit_test(what_changes_all_the_time_does_not_count),
		cmocka_unit_test(who_says_nothing_is_unknown),
		cmocka_unit_test(more_than_can_be_told_is_one_difference_and_hides_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
