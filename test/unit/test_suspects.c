/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/suspects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "letters.h"

enum { MANY = 1000, ROUNDS_MAX = 60 };

struct crowd {
	struct virtual_server servers[MANY];
	const struct virtual_server *all[MANY];
	struct real_server real;
	struct suspects *suspects;
};

static int make_crowd(void **state)
{
	struct crowd *c = xnew0(struct crowd);

	c->real = letters_real(0);
	for (size_t i = 0; i < MANY; i++) {
		struct virtual_server *vs = &c->servers[i];

		*vs = letters_server('a');
		vs->vip = letters_addr(10, 2, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1));
		vs->reals = &c->real;
		vs->n_reals = 1;
		c->all[i] = vs;
	}
	c->suspects = suspects_new();
	*state = c;
	return 0;
}

static int drop_crowd(void **state)
{
	struct crowd *c = *state;

	suspects_free(c->suspects);
	free(c);
	return 0;
}

static bool is_held_back(const struct crowd *c, size_t i)
{
	return suspects_hold_back(c->suspects, c->all[i]);
}

static void nobody_is_a_suspect_at_first(void **state)
{
	const struct crowd *c = *state;

	assert_int_equal(suspects_count(c->suspects), 0);
	assert_false(suspects_acquit(c->suspects));
	assert_false(suspects_try(c->suspects));
	assert_false(is_held_back(c, 0));
}

static void what_the_good_file_had_is_no_suspect(void **state)
{
	struct crowd *c = *state;

	suspects_accuse(c->suspects, c->all, 10, c->all, 6);
	assert_int_equal(suspects_count(c->suspects), 4);
	assert_false(is_held_back(c, 5));
	assert_true(is_held_back(c, 6));
}

static void what_was_changed_since_the_good_file_is_a_suspect(void **state)
{
	struct crowd *c = *state;
	struct virtual_server before = c->servers[3];
	const struct virtual_server *good[4] = {c->all[0], c->all[1], c->all[2], &before};

	before.persistence = 30;
	suspects_accuse(c->suspects, c->all, 4, good, 4);
	assert_int_equal(suspects_count(c->suspects), 1);
	assert_true(is_held_back(c, 3));
}

static void assert_free_after(struct crowd *c, void (*change)(struct virtual_server *vs))
{
	struct virtual_server changed = c->servers[0];

	change(&changed);
	assert_false(suspects_hold_back(c->suspects, &changed));
	assert_true(is_held_back(c, 0));
}

static void change_scheduler(struct virtual_server *vs)
{
	vs->scheduler = SCHEDULER_RR;
}

static void change_persistence(struct virtual_server *vs)
{
	vs->persistence = 30;
}

static void change_check(struct virtual_server *vs)
{
	vs->check.type = CHECK_TCP;
}

static void change_path(struct virtual_server *vs)
{
	static char path[] = "/healthz";

	vs->check.path = path;
}

static void change_real(struct virtual_server *vs)
{
	static struct real_server real;

	real = vs->reals[0];
	real.weight = 0;
	vs->reals = &real;
}

static void lose_real(struct virtual_server *vs)
{
	vs->n_reals = 0;
}

static void who_changes_is_free_at_once(void **state)
{
	struct crowd *c = *state;

	suspects_accuse(c->suspects, c->all, MANY, NULL, 0);
	assert_free_after(c, change_scheduler);
	assert_free_after(c, change_persistence);
	assert_free_after(c, change_check);
	assert_free_after(c, change_path);
	assert_free_after(c, change_real);
	assert_free_after(c, lose_real);
}

static void clients_are_none_of_its_business(void **state)
{
	struct crowd *c = *state;
	struct virtual_server changed = c->servers[0];

	suspects_accuse(c->suspects, c->all, 1, NULL, 0);
	changed.restricted = true;
	assert_true(suspects_hold_back(c->suspects, &changed));
}

static void who_was_changed_and_is_bad_again_is_held_back_again(void **state)
{
	struct crowd *c = *state;

	suspects_accuse(c->suspects, c->all, 2, NULL, 0);
	c->servers[0].persistence = 30;
	assert_false(is_held_back(c, 0));
	suspects_accuse(c->suspects, c->all, 1, NULL, 0);
	assert_true(is_held_back(c, 0));
	assert_int_equal(suspects_count(c->suspects), 2);
}

static void those_on_trial_are_not_held_back(void **state)
{
	struct crowd *c = *state;

	suspects_accuse(c->suspects, c->all, 10, NULL, 0);
	assert_false(suspects_on_trial(c->suspects));
	assert_true(suspects_try(c->suspects));
	assert_true(suspects_on_trial(c->suspects));
	assert_int_equal(suspects_count(c->suspects), 5);
	assert_false(is_held_back(c, 0));
	assert_true(is_held_back(c, 9));
	suspects_accuse(c->suspects, c->all, 5, NULL, 0);
	assert_int_equal(suspects_count(c->suspects), 10);
	assert_true(is_held_back(c, 0));
}

/* keepalived ends with one of the culprits, unless it is held back. */
static bool ends(const struct crowd *c, const size_t culprits[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_held_back(c, culprits[i]))
			return true;
	return false;
}

/* How many trials it takes until only the culprits are held back. */
static unsigned rounds_for(struct crowd *c, const size_t culprits[], size_t n)
{
	unsigned rounds = 0;

	suspects_accuse(c->suspects, c->all, MANY, NULL, 0);
	for (; suspects_count(c->suspects) > n && rounds < MANY; rounds++) {
		assert_true(suspects_try(c->suspects));
		if (ends(c, culprits, n))
			suspects_accuse(c->suspects, c->all, MANY, NULL, 0);
		else
			assert_true(suspects_acquit(c->suspects));
	}
	assert_false(ends(c, culprits, n));
	return rounds;
}

static void one_culprit_of_many_is_found_soon(void **state)
{
	struct crowd *c = *state;

	for (size_t culprit = 0; culprit < MANY; culprit += 111) {
		suspects_free(c->suspects);
		c->suspects = suspects_new();
		assert_in_range(rounds_for(c, &culprit, 1), 1, ROUNDS_MAX);
	}
}

static void two_culprits_of_many_are_found_soon(void **state)
{
	static const size_t pairs[][2] = {{0, 1}, {0, 999}, {499, 500}, {123, 789}, {998, 999}};
	struct crowd *c = *state;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		suspects_free(c->suspects);
		c->suspects = suspects_new();
		assert_in_range(rounds_for(c, pairs[i], 2), 1, ROUNDS_MAX);
	}
}

static void a_proven_culprit_that_does_well_is_free(void **state)
{
	struct crowd *c = *state;

	suspects_accuse(c->suspects, c->all, 1, NULL, 0);
	assert_true(suspects_try(c->suspects));
	suspects_accuse(c->suspects, c->all, 1, NULL, 0);
	assert_true(is_held_back(c, 0));
	assert_true(suspects_try(c->suspects));
	assert_true(suspects_acquit(c->suspects));
	assert_false(is_held_back(c, 0));
	assert_false(suspects_try(c->suspects));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_crowd, drop_crowd)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_a_suspect_at_first),
		TEST(what_the_good_file_had_is_no_suspect),
		TEST(what_was_changed_since_the_good_file_is_a_suspect),
		TEST(who_changes_is_free_at_once),
		TEST(clients_are_none_of_its_business),
		TEST(who_was_changed_and_is_bad_again_is_held_back_again),
		TEST(those_on_trial_are_not_held_back),
		TEST(one_culprit_of_many_is_found_soon),
		TEST(two_culprits_of_many_are_found_soon),
		TEST(a_proven_culprit_that_does_well_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
