/* SPDX-License-Identifier: Apache-2.0 */
#include "values/sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { ROUNDS = 2000, MANY = 10000 };

static uint64_t seed = 88172645463325252U;

/* xorshift64 */
static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct sketch_entry random_entry(void)
{
	uint64_t key = random_number();

	return (struct sketch_entry){key, random_number()};
}

static void the_order_of_entries_does_not_count(void **state)
{
	const struct sketch_entry a = {1, 2}, b = {3, 4};
	struct sketch one = {0}, other = {0};

	(void)state;
	sketch_toggle(&one, &a);
	sketch_toggle(&one, &b);
	assert_false(sketch_equal(&one, &other));
	assert_int_not_equal(sketch_digest(&one), sketch_digest(&other));
	sketch_toggle(&other, &b);
	sketch_toggle(&other, &a);
	assert_true(sketch_equal(&one, &other));
	assert_int_equal(sketch_digest(&one), sketch_digest(&other));
}

static void an_entry_can_be_taken_out(void **state)
{
	const struct sketch_entry a = {1, 2}, b = {3, 4};
	struct sketch s = {0}, before;

	(void)state;
	sketch_toggle(&s, &a);
	before = s;
	sketch_toggle(&s, &b);
	sketch_toggle(&s, &b);
	assert_true(sketch_equal(&s, &before));
}

static void few_differences_of_large_sets_are_told(void **state)
{
	struct sketch_entry told[SKETCH_DIFFERENT], old = {7, 1}, new = {7, 2}, mine = {9, 1};
	struct sketch one = {0}, other;
	bool all;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		const struct sketch_entry entry = random_entry();

		sketch_toggle(&one, &entry);
	}
	other = one;
	assert_int_equal(sketch_difference(told, &all, &one, &other), 0);
	assert_true(all);
	sketch_toggle(&one, &old);
	sketch_toggle(&other, &new);
	sketch_toggle(&one, &mine);
	assert_int_equal(sketch_difference(told, &all, &one, &other), 3);
	assert_true(all);
	assert_memory_equal(&told[0], &old, sizeof old);
	assert_memory_equal(&told[1], &new, sizeof new);
	assert_memory_equal(&told[2], &mine, sizeof mine);
}

/* How many of ROUNDS differences of `n` entries are told whole; nothing wrong is told ever. */
static unsigned told_whole(size_t n)
{
	struct sketch_entry put[SKETCH_DIFFERENT * 4], told[SKETCH_DIFFERENT];
	unsigned n_whole = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct sketch one = {0}, other = {0};
		size_t n_told;
		bool all;

		for (size_t i = 0; i < n; i++) {
			put[i] = random_entry();
			sketch_toggle(random_number() & 1 ? &one : &other, &put[i]);
		}
		n_told = sketch_difference(told, &all, &one, &other);
		for (size_t i = 0; i < n_told; i++) {
			size_t k = 0;

			while (k < n && memcmp(&told[i], &put[k], sizeof told[i]) != 0)
				k++;
			assert_true(k < n);
		}
		assert_int_equal(all, n_told == n);
		n_whole += all;
	}
	return n_whole;
}

static void a_dozen_differences_are_told_nearly_always(void **state)
{
	(void)state;
	assert_int_equal(told_whole(2), ROUNDS);
	assert_true(told_whole(12) > ROUNDS * 99 / 100);
	assert_true(told_whole(20) > ROUNDS * 95 / 100);
}

static void more_than_can_be_told_is_said(void **state)
{
	(void)state;
	assert_true(told_whole(SKETCH_CELLS + 1) == 0);
	assert_true(told_whole((size_t)SKETCH_CELLS * 3) == 0);
}

static void as_text_and_back_it_is_the_same(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct sketch one = {0}, other;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		const struct sketch_entry entry = random_entry();

		sketch_toggle(&one, &entry);
	}
	text = sketch_format(&one);
	assert_int_equal(strlen(text), SKETCH_BYTES / 3 * 4);
	assert_int_equal(sketch_parse(&other, text, &e), 0);
	assert_true(sketch_equal(&one, &other));
}

static void what_is_no_sketch_is_refused(void **state)
{
	struct sketch s;
	struct err e = {0};

	(void)state;
	assert_int_equal(sketch_parse(&s, "", &e), -EINVAL);
	assert_int_equal(sketch_parse(&s, "AAAA", &e), -EINVAL);
	assert_string_equal(e.msg, "has 3 bytes and not 960");
	assert_int_equal(sketch_parse(&s, "?", &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_entries_does_not_count),
		cmocka_unit_test(an_entry_can_be_taken_out),
		cmocka_unit_test(few_differences_of_large_sets_are_told),
		cmocka_unit_test(a_dozen_differences_are_told_nearly_always),
		cmocka_unit_test(more_than_can_be_told_is_said),
		cmocka_unit_test(as_text_and_back_it_is_the_same),
		cmocka_unit_test(what_is_no_sketch_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
