/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/rival.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "macs.h"

enum { SECOND = 1000 * 1000, BEGIN = 100 * SECOND };

/* How it goes on until then, by who does what is due when it is; how often it is asked for. */
static unsigned pass(struct rival *r, uint64_t until, enum rival_news *ret_last)
{
	unsigned n_asked = 0;
	uint64_t due;

	*ret_last = RIVAL_SAME;
	while ((due = rival_due(r)) <= until) {
		enum rival_news news = rival_look(r, due);

		if (news != RIVAL_SAME)
			*ret_last = news;
		if (rival_is_to_ask(r, due)) {
			rival_asked(r, due);
			n_asked++;
		}
	}
	return n_asked;
}

#define ASSERT_PASSES(r, until, wanted_asked, wanted_news)                                         \
	do {                                                                                       \
		enum rival_news news_;                                                             \
		assert_int_equal(pass(r, until, &news_), wanted_asked);                            \
		assert_int_equal(news_, wanted_news);                                              \
	} while (0)

static void test_who_says_it_once_and_does_not_answer_is_none(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	assert_true(rival_due(&r) == UINT64_MAX);
	rival_hear(&r, &other, BEGIN);
	ASSERT_PASSES(&r, BEGIN + 3 * SECOND - 1, 0, RIVAL_SAME);
	ASSERT_PASSES(&r, BEGIN + 4 * SECOND - 1, 1, RIVAL_SAME);
	ASSERT_PASSES(&r, BEGIN + 4 * SECOND, 0, RIVAL_WAS_NONE);
	assert_false(r.is_known);
	assert_true(rival_due(&r) == UINT64_MAX);
}

static void test_who_answers_is_one(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, BEGIN);
	ASSERT_PASSES(&r, BEGIN + 3 * SECOND, 1, RIVAL_SAME);
	rival_hear(&r, &other, BEGIN + 3 * SECOND);
	assert_false(r.is_known);
	ASSERT_PASSES(&r, BEGIN + 3 * SECOND, 0, RIVAL_COMES);
	assert_true(r.is_known);
	assert_string_equal(r.text, "02:00:00:00:00:09");
}

/* A former owner may say it until it has let go, and any host as often as it likes. */
static void test_what_is_said_before_the_question_counts_for_nothing(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	for (uint64_t at = 0; at < 3 * SECOND; at += SECOND / 100) {
		ASSERT_PASSES(&r, BEGIN + at, 0, RIVAL_SAME);
		rival_hear(&r, &other, BEGIN + at);
	}
	ASSERT_PASSES(&r, BEGIN + 10 * SECOND, 1, RIVAL_WAS_NONE);
}

static void test_who_goes_on_claiming_is_asked_for_once(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};
	unsigned n_asked = 0;

	(void)state;
	for (uint64_t at = 0; at < 100 * SECOND; at += SECOND / 100) {
		enum rival_news news;

		n_asked += pass(&r, BEGIN + at, &news);
		rival_hear(&r, &other, BEGIN + at);
	}
	assert_int_equal(n_asked, 1);
	assert_true(r.is_known);
}

/* Probes wait for their turn, and an answer has its time all the same. */
static void test_the_time_to_answer_begins_with_the_question(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, BEGIN);
	assert_true(rival_is_to_ask(&r, BEGIN + 20 * SECOND));
	rival_hear(&r, &other, BEGIN + 20 * SECOND);
	assert_int_equal(rival_look(&r, BEGIN + 20 * SECOND), RIVAL_SAME);
	rival_asked(&r, BEGIN + 20 * SECOND);
	assert_false(rival_is_to_ask(&r, BEGIN + 20 * SECOND));
	rival_hear(&r, &other, BEGIN + 21 * SECOND - 1);
	assert_int_equal(rival_look(&r, BEGIN + 21 * SECOND), RIVAL_COMES);
}

static void test_an_answer_that_is_late_is_a_claim(void **state)
{
	const struct mac other = mac_number(9);
	struct rival r = {0};

	(void)state;
	rival_hear(&r, &other, BEGIN);
	ASSERT_PASSES(&r, BEGIN + 3 * SECOND, 1, RIVAL_SAME);
	rival_hear(&r, &other, BEGIN + 4 * SECOND);
	ASSERT_PASSES(&r, BEGIN + 7 * SECOND - 1, 0, RIVAL_SAME);
	ASSERT_PASSES(&r, BEGIN + 8 * SECOND, 1, RIVAL_WAS_NONE);
}

static void become_known(struct rival *r)
{
	const struct mac other = mac_number(9);

	rival_hear(r, &other, BEGIN);
	ASSERT_PASSES(r, BEGIN + 3 * SECOND, 1, RIVAL_SAME);
	rival_hear(r, &other, BEGIN + 3 * SECOND);
	ASSERT_PASSES(r, BEGIN + 3 * SECOND, 0, RIVAL_COMES);
}

static void test_it_is_over_when_nothing_was_heard_for_long_and_nobody_answers(void **state)
{
	const struct mac third = mac_number(10);
	struct rival r = {0};

	(void)state;
	become_known(&r);
	rival_hear(&r, &third, BEGIN + 20 * SECOND);
	assert_string_equal(r.text, "02:00:00:00:00:0a");
	ASSERT_PASSES(&r, BEGIN + 50 * SECOND - 1, 0, RIVAL_SAME);
	ASSERT_PASSES(&r, BEGIN + 51 * SECOND - 1, 1, RIVAL_SAME);
	assert_true(r.is_known);
	ASSERT_PASSES(&r, BEGIN + 51 * SECOND, 0, RIVAL_GOES);
	assert_false(r.is_known);
	assert_true(rival_due(&r) == UINT64_MAX);
	/* And it may come again. */
	become_known(&r);
}

/* It says nothing by itself, as most hosts. */
static void test_who_answers_each_time_stays_known(void **state)
{
	const struct mac other = mac_number(9);
	uint64_t now = BEGIN + 3 * SECOND;
	struct rival r = {0};

	(void)state;
	become_known(&r);
	for (unsigned i = 0; i < 10; i++) {
		now += 30 * SECOND;
		ASSERT_PASSES(&r, now, 1, RIVAL_SAME);
		rival_hear(&r, &other, now);
		assert_true(r.is_known);
	}
	ASSERT_PASSES(&r, now + 31 * SECOND, 1, RIVAL_GOES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_says_it_once_and_does_not_answer_is_none),
		cmocka_unit_test(test_who_answers_is_one),
		cmocka_unit_test(test_what_is_said_before_the_question_counts_for_nothing),
		cmocka_unit_test(test_who_goes_on_claiming_is_asked_for_once),
		cmocka_unit_test(test_the_time_to_answer_begins_with_the_question),
		cmocka_unit_test(test_an_answer_that_is_late_is_a_claim),
		cmocka_unit_test(
			test_it_is_over_when_nothing_was_heard_for_long_and_nobody_answers),
		cmocka_unit_test(test_who_answers_each_time_stays_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
