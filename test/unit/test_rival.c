/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/rival.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "macs.h"

enum { SECOND = 1000 * 1000, OURS = 100 * SECOND };

/* What is said of it until then, by who looks when it is due. */
static enum rival_news watch(struct rival *r, uint64_t until)
{
	uint64_t due;

	while ((due = rival_due(r, OURS)) <= until) {
		enum rival_news news = rival_look(r, OURS, due);

		if (news != RIVAL_SAME)
			return news;
	}
	return RIVAL_SAME;
}

static void test_who_had_it_before_us_is_no_rival(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	assert_true(rival_due(&r, OURS) == UINT64_MAX);
	rival_hear(&r, &other, OURS + SECOND / 10);
	assert_int_equal(watch(&r, OURS + 100 * SECOND), RIVAL_SAME);
	assert_true(rival_due(&r, OURS) == UINT64_MAX);
}

/* Who takes over from us makes itself known before we hear that we lost it. */
static void test_a_claim_counts_when_it_is_ours_still_seconds_later(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, OURS + 50 * SECOND);
	assert_int_equal(watch(&r, OURS + 53 * SECOND - 1), RIVAL_SAME);
	assert_false(r.is_known);
	assert_int_equal(watch(&r, OURS + 53 * SECOND), RIVAL_COMES);
	assert_true(r.is_known);
	assert_string_equal(r.text, "02:00:00:00:00:09");
}

static void test_one_that_was_there_from_the_start_is_known_when_a_take_over_is_over(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	for (uint64_t at = 0; at < 3 * SECOND; at += SECOND / 2) {
		assert_int_equal(watch(&r, OURS + at), RIVAL_SAME);
		rival_hear(&r, &other, OURS + at);
	}
	rival_hear(&r, &other, OURS + 3 * SECOND);
	assert_int_equal(watch(&r, OURS + 3 * SECOND), RIVAL_COMES);
}

/* Long ago somebody had it before us; now somebody else takes over. */
static void test_what_did_not_count_makes_no_later_claim_count_sooner(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, OURS + SECOND / 10);
	assert_int_equal(watch(&r, OURS + 10 * SECOND), RIVAL_SAME);
	rival_hear(&r, &other, OURS + 10 * SECOND);
	assert_int_equal(watch(&r, OURS + 13 * SECOND - 1), RIVAL_SAME);
}

static void test_it_is_over_when_nothing_was_heard_for_long(void **state)
{
	const struct mac other = mac_number(9), third = mac_number(10);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, OURS + 10 * SECOND);
	assert_int_equal(watch(&r, OURS + 20 * SECOND), RIVAL_COMES);
	rival_hear(&r, &third, OURS + 30 * SECOND);
	assert_string_equal(r.text, "02:00:00:00:00:0a");
	assert_int_equal(watch(&r, OURS + 60 * SECOND - 1), RIVAL_SAME);
	assert_int_equal(watch(&r, OURS + 60 * SECOND), RIVAL_GOES);
	assert_false(r.is_known);
	assert_true(rival_due(&r, OURS) == UINT64_MAX);
	/* And it may come again. */
	rival_hear(&r, &other, OURS + 90 * SECOND);
	assert_int_equal(watch(&r, OURS + 93 * SECOND), RIVAL_COMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_had_it_before_us_is_no_rival),
		cmocka_unit_test(test_a_claim_counts_when_it_is_ours_still_seconds_later),
		cmocka_unit_test(
			test_one_that_was_there_from_the_start_is_known_when_a_take_over_is_over),
		cmocka_unit_test(test_what_did_not_count_makes_no_later_claim_count_sooner),
		cmocka_unit_test(test_it_is_over_when_nothing_was_heard_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
