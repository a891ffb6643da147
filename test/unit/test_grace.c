/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/grace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND = 1000 * 1000, LIMIT = 30 * SECOND };

/* A load balancer that is looked at each second, by a clock that stands between. */
struct fixture {
	struct grace grace;
	struct grace_facts facts;
	uint64_t now;
	bool is_silent; /* the controller, while it is connected */
};

static struct fixture begin(void)
{
	return (struct fixture){.facts = {.is_connected = true, .pulses = true}, .now = SECOND};
}

static void look_after(struct fixture *f, uint64_t step)
{
	f->now += step;
	if (!f->facts.is_connected)
		f->facts.n_words = 0;
	else if (!f->is_silent)
		f->facts.n_words++;
	grace_look(&f->grace, &f->facts, LIMIT, f->now);
}

static void pass(struct fixture *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++)
		look_after(f, SECOND);
}

/* In how many seconds it announces again, or stops to. */
static unsigned seconds_until(struct fixture *f, bool announces)
{
	unsigned n = 0;

	while ((f->grace.reason == NULL) != announces) {
		pass(f, 1);
		if (++n > 3600)
			fail_msg("it did not come about");
	}
	return n;
}

static void set_controller(struct fixture *f, bool is_there)
{
	f->facts = (struct grace_facts){.is_connected = is_there, .pulses = is_there};
}

static void test_who_is_well_announces(void **state)
{
	struct fixture f = begin();

	(void)state;
	pass(&f, 3600);
	assert_null(f.grace.reason);
	assert_int_equal(grace_wait(&f.grace), 0);
}

static void test_a_controller_that_is_away_for_longer_than_the_grace_ends_it(void **state)
{
	struct fixture f = begin();

	(void)state;
	pass(&f, 60);
	set_controller(&f, false);
	pass(&f, 30);
	assert_null(f.grace.reason);
	pass(&f, 1);
	assert_string_equal(f.grace.reason, "the controller is away");
	pass(&f, 3600);
	assert_non_null(f.grace.reason);
	assert_int_equal(grace_wait(&f.grace), 0);
}

static void test_it_is_back_when_all_was_well_for_the_hold_down(void **state)
{
	struct fixture f = begin();

	(void)state;
	set_controller(&f, false);
	seconds_until(&f, false);
	set_controller(&f, true);
	pass(&f, 4);
	assert_int_equal(grace_wait(&f.grace), 7 * SECOND);
	assert_int_equal(seconds_until(&f, true), 7);
}

/* A break begins the hold-down anew. */
static void test_the_hold_down_is_without_a_break(void **state)
{
	struct fixture f = begin();

	(void)state;
	set_controller(&f, false);
	seconds_until(&f, false);
	set_controller(&f, true);
	pass(&f, 9);
	set_controller(&f, false);
	pass(&f, 1);
	set_controller(&f, true);
	assert_int_equal(seconds_until(&f, true), 11);
}

static void test_a_restart_within_the_grace_costs_nothing(void **state)
{
	struct fixture f = begin();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		set_controller(&f, false);
		pass(&f, 28);
		set_controller(&f, true);
		f.facts.lacks_keepalived = true; /* it starts */
		pass(&f, 3);
		f.facts.lacks_keepalived = false;
		pass(&f, 12);
		assert_null(f.grace.reason);
	}
}

static void test_a_controller_that_falls_silent_hangs(void **state)
{
	struct fixture f = begin();

	(void)state;
	pass(&f, 60);
	f.is_silent = true;
	pass(&f, 29);
	assert_null(f.grace.reason);
	pass(&f, 1);
	assert_string_equal(f.grace.reason, "the controller does not answer");
	f.is_silent = false;
	assert_int_equal(seconds_until(&f, true), 11);
}

/* It may have been stopped before it let us in: the kernel does that without it. */
static void test_one_that_never_says_a_word_hangs(void **state)
{
	struct fixture f = begin();

	(void)state;
	f.facts.pulses = false;
	f.is_silent = true;
	assert_true(seconds_until(&f, false) <= 31);
}

static void test_an_older_one_may_be_silent(void **state)
{
	struct fixture f = begin();

	(void)state;
	f.facts.pulses = false;
	pass(&f, 1);
	f.is_silent = true;
	pass(&f, 3600);
	assert_null(f.grace.reason);
}

static void test_keepalived_that_does_not_run_ends_it(void **state)
{
	struct fixture f = begin();

	(void)state;
	pass(&f, 60);
	f.facts.lacks_keepalived = true;
	pass(&f, 30);
	assert_null(f.grace.reason);
	pass(&f, 1);
	assert_string_equal(f.grace.reason, "keepalived does not run");
	f.facts.lacks_keepalived = false;
	assert_int_equal(seconds_until(&f, true), 11);
}

/* It is up for moments, and health checks are made for none of them. */
static void test_keepalived_that_ends_again_and_again_ends_it(void **state)
{
	struct fixture f = begin();

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		f.facts.lacks_keepalived = true;
		pass(&f, 1);
		f.facts.lacks_keepalived = false;
		pass(&f, 5);
	}
	assert_null(f.grace.reason); /* it is well just now */
	f.facts.lacks_keepalived = true;
	pass(&f, 1);
	assert_non_null(f.grace.reason);
}

static void test_the_hold_down_doubles_when_it_flaps_and_starts_over_after_calm(void **state)
{
	static const unsigned expected[] = {10, 20, 40, 80, 160, 300, 300};
	struct fixture f = begin();

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		set_controller(&f, false);
		seconds_until(&f, false);
		set_controller(&f, true);
		assert_int_equal(seconds_until(&f, true), expected[i] + 1);
	}
	pass(&f, 300);
	set_controller(&f, false);
	seconds_until(&f, false);
	set_controller(&f, true);
	assert_int_equal(seconds_until(&f, true), 11);
}

/* What was said meanwhile is read after that look. */
static void test_who_was_stopped_itself_blames_nobody(void **state)
{
	struct fixture f = begin();

	(void)state;
	pass(&f, 60);
	f.is_silent = true;
	look_after(&f, 3600ULL * SECOND);
	assert_null(f.grace.reason);
	f.is_silent = false;
	pass(&f, 60);
	assert_null(f.grace.reason);
}

static void test_no_limit_withdraws_nothing_and_takes_back_what_was(void **state)
{
	struct fixture f = begin();

	(void)state;
	set_controller(&f, false);
	for (unsigned i = 0; i < 3600; i++)
		assert_false(grace_look(&f.grace, &f.facts, 0, f.now += SECOND));
	assert_true(grace_look(&f.grace, &f.facts, LIMIT, f.now += SECOND));
	assert_non_null(f.grace.reason);
	assert_true(grace_look(&f.grace, &f.facts, 0, f.now += SECOND));
	assert_null(f.grace.reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_well_announces),
		cmocka_unit_test(test_a_controller_that_is_away_for_longer_than_the_grace_ends_it),
		cmocka_unit_test(test_it_is_back_when_all_was_well_for_the_hold_down),
		cmocka_unit_test(test_the_hold_down_is_without_a_break),
		cmocka_unit_test(test_a_restart_within_the_grace_costs_nothing),
		cmocka_unit_test(test_a_controller_that_falls_silent_hangs),
		cmocka_unit_test(test_one_that_never_says_a_word_hangs),
		cmocka_unit_test(test_an_older_one_may_be_silent),
		cmocka_unit_test(test_keepalived_that_does_not_run_ends_it),
		cmocka_unit_test(test_keepalived_that_ends_again_and_again_ends_it),
		cmocka_unit_test(
			test_the_hold_down_doubles_when_it_flaps_and_starts_over_after_calm),
		cmocka_unit_test(test_who_was_stopped_itself_blames_nobody),
		cmocka_unit_test(test_no_limit_withdraws_nothing_and_takes_back_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
