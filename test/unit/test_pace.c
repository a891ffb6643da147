/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SEC = 1000000, START = 1000 * SEC };

static void test_the_first_reload_goes_at_once(void **state)
{
	const struct pace p = {.min_gap = 2 * SEC};

	(void)state;
	assert_int_equal(pace_due(&p, 4 * SEC), 0);
}

static void test_later_ones_keep_the_gap(void **state)
{
	struct pace p = {.min_gap = 2 * SEC};

	(void)state;
	pace_reloaded(&p, START, 0);
	assert_int_equal(pace_due(&p, 0), START + 2 * SEC);
}

/* Changes without end: every reload as soon as it is due. Counts gaps long enough for a check. */
static void test_changes_without_end_leave_time_for_checks(void **state)
{
	struct pace p = {.min_gap = 2 * SEC};
	uint64_t now = START;
	int rests = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t due;

		pace_reloaded(&p, now, 4 * SEC);
		due = pace_due(&p, 4 * SEC);
		assert_true(due - now <= 4 * SEC);
		rests += due - now == 4 * SEC;
		now = due;
	}
	assert_in_range(rests, 8, 12);
}

static void test_checks_faster_than_the_gap_change_nothing(void **state)
{
	struct pace p = {.min_gap = 2 * SEC};
	uint64_t now = START;

	(void)state;
	for (int i = 0; i < 100; i++) {
		pace_reloaded(&p, now, 2 * SEC);
		assert_int_equal(pace_due(&p, 2 * SEC), now + 2 * SEC);
		now += 2 * SEC;
	}
}

/* One Service with a check of an hour must not set the pace of all. */
static void test_a_slow_check_gets_no_more_than_the_longest_gap(void **state)
{
	struct pace p = {.min_gap = 2 * SEC};
	uint64_t now = START, longest = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t due;

		pace_reloaded(&p, now, 3600ULL * SEC);
		due = pace_due(&p, 3600ULL * SEC);
		longest = due - now > longest ? due - now : longest;
		now = due;
	}
	assert_int_equal(longest, PACE_CHECK_MAX);
}

static void test_a_rest_lets_the_next_ones_go_at_the_gap_again(void **state)
{
	struct pace p = {.min_gap = 2 * SEC};
	uint64_t now = START;

	(void)state;
	pace_reloaded(&p, now, 4 * SEC);
	for (; pace_due(&p, 4 * SEC) - now < 4 * SEC; pace_reloaded(&p, now, 4 * SEC))
		now = pace_due(&p, 4 * SEC);
	now = pace_due(&p, 4 * SEC);
	pace_reloaded(&p, now, 4 * SEC);
	assert_int_equal(pace_due(&p, 4 * SEC), now + 2 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_reload_goes_at_once),
		cmocka_unit_test(test_later_ones_keep_the_gap),
		cmocka_unit_test(test_changes_without_end_leave_time_for_checks),
		cmocka_unit_test(test_checks_faster_than_the_gap_change_nothing),
		cmocka_unit_test(test_a_slow_check_gets_no_more_than_the_longest_gap),
		cmocka_unit_test(test_a_rest_lets_the_next_ones_go_at_the_gap_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
