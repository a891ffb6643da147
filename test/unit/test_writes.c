/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "publish/writes.h"

enum { SECOND = 1000 * 1000, NOW = 1000 * SECOND };

static struct write *get_of(struct writes *w, const char *ns, const char *name)
{
	struct objname id;
	struct write *one;

	objname_init(&id, ns, name);
	one = writes_get(w, &id);
	objname_done(&id);
	return one;
}

static struct write *get(struct writes *w, const char *name)
{
	return get_of(w, "ns", name);
}

static const char *next(struct writes *w, uint64_t now)
{
	uint64_t wait;
	const struct write *one = writes_next(w, now, &wait);

	return one ? one->id.name : NULL;
}

static void test_an_address_goes_before_other_news(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();

	(void)state;
	writes_want(w, get(w, "news"), false);
	writes_want(w, get(w, "address"), true);
	assert_string_equal(next(w, NOW), "address");
	assert_string_equal(next(w, NOW), "news");
	assert_null(next(w, NOW));
	assert_int_equal(writes_pending(w), 2);
}

static void test_wanted_twice_is_written_once(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();

	(void)state;
	writes_want(w, get(w, "a"), false);
	writes_want(w, get(w, "a"), false);
	writes_want(w, get(w, "b"), false);
	writes_want(w, get(w, "b"), true);
	assert_string_equal(next(w, NOW), "b");
	assert_string_equal(next(w, NOW), "a");
	assert_null(next(w, NOW));
}

static void test_wanted_in_flight_is_written_again(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");

	(void)state;
	writes_want(w, a, true);
	assert_string_equal(next(w, NOW), "a");
	writes_want(w, a, true);
	assert_null(next(w, NOW));
	writes_end(w, a, WRITE_DONE, 0, NOW);
	assert_string_equal(next(w, NOW), "a");
	writes_end(w, a, WRITE_DONE, 0, NOW);
	assert_null(next(w, NOW));
	assert_int_equal(writes_pending(w), 0);
}

static size_t send_all(struct writes *w, uint64_t now)
{
	struct write *one;
	uint64_t wait;
	size_t n = 0;

	while ((one = writes_next(w, now, &wait))) {
		writes_end(w, one, WRITE_DONE, 0, now);
		n++;
	}
	return n;
}

static void want_many(struct writes *w, size_t n, bool urgent)
{
	char name[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof name, "s%zu", i);
		writes_want(w, get(w, name), urgent);
	}
}

static void test_news_are_paced_and_addresses_are_not(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();

	(void)state;
	want_many(w, 1000, true);
	assert_int_equal(send_all(w, NOW), 1000);
	want_many(w, 1000, false);
	assert_int_equal(send_all(w, NOW), WRITES_BURST);
	assert_int_equal(send_all(w, NOW + SECOND), WRITES_PER_SECOND);
	assert_int_equal(send_all(w, NOW + 3 * SECOND), 2 * WRITES_PER_SECOND);
}

static void test_what_needs_no_write_costs_nothing(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	uint64_t wait;

	(void)state;
	for (size_t i = 0; i < 2 * WRITES_BURST; i++) {
		writes_want(w, get(w, "a"), false);
		assert_non_null(writes_next(w, NOW, &wait));
		writes_end(w, get(w, "a"), WRITE_NEEDLESS, 0, NOW);
	}
}

static void test_only_so_many_are_in_flight(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	size_t n = 0;

	(void)state;
	want_many(w, 100, true);
	while (next(w, NOW))
		n++;
	assert_int_equal(n, WRITES_IN_FLIGHT);
	writes_end(w, get(w, "s0"), WRITE_DONE, 0, NOW);
	assert_non_null(next(w, NOW));
}

static void test_everything_waits_for_a_server_that_is_away(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");
	uint64_t wait;

	(void)state;
	writes_want(w, a, true);
	writes_want(w, get(w, "b"), true);
	assert_non_null(next(w, NOW));
	writes_end(w, a, WRITE_UNREACHABLE, 7 * SECOND, NOW);
	assert_null(writes_next(w, NOW, &wait));
	assert_int_equal(wait, 7 * SECOND);
	assert_null(next(w, NOW + 7 * SECOND - 1));
	assert_int_equal(send_all(w, NOW + 7 * SECOND), 2);
}

static uint64_t wait_at(struct writes *w, uint64_t now)
{
	uint64_t wait;

	assert_null(writes_next(w, now, &wait));
	return wait;
}

static void test_calls_that_fail_side_by_side_are_one_failure(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *flying[WRITES_IN_FLIGHT];
	uint64_t wait;

	(void)state;
	want_many(w, WRITES_IN_FLIGHT, true);
	for (size_t i = 0; i < WRITES_IN_FLIGHT; i++)
		flying[i] = writes_next(w, NOW, &wait);
	for (size_t i = 0; i < WRITES_IN_FLIGHT; i++)
		writes_end(w, flying[i], WRITE_UNREACHABLE, 0, NOW);
	assert_int_equal(wait_at(w, NOW), SECOND);
}

/* All that is due fails but that of another tenant. False: there is none of it. */
static bool fail_but(struct writes *w, const struct write *good, uint64_t now)
{
	bool found = false;
	struct write *one;
	uint64_t wait;

	while ((one = writes_next(w, now, &wait))) {
		writes_end(w, one, one == good ? WRITE_DONE : WRITE_UNREACHABLE, 0, now);
		found |= one == good;
	}
	return found;
}

/* As when a webhook of one tenant is down, which is asked about all that is theirs. */
static void test_who_cannot_be_written_holds_up_no_other_tenant(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *good = get_of(w, "other", "good");
	uint64_t now = NOW;

	(void)state;
	want_many(w, 100, true);
	for (unsigned i = 0; i < 200; i++) {
		assert_false(fail_but(w, good, now));
		writes_want(w, good, true);
		assert_true(fail_but(w, good, now));
		now += wait_at(w, now);
	}
	assert_in_range(now - NOW, 60 * SECOND, UINT64_MAX);
}

static void test_what_needs_no_write_says_nothing_of_the_server(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a"), *b = get(w, "b");

	(void)state;
	writes_want(w, a, true);
	assert_non_null(next(w, NOW));
	writes_end(w, a, WRITE_UNREACHABLE, 0, NOW);
	writes_want(w, b, true);
	assert_non_null(next(w, NOW + SECOND));
	assert_non_null(next(w, NOW + SECOND));
	writes_end(w, b, WRITE_NEEDLESS, 0, NOW + SECOND);
	writes_end(w, a, WRITE_UNREACHABLE, 0, NOW + SECOND);
	assert_int_equal(wait_at(w, NOW + SECOND), 2 * SECOND);
}

/* As long as the server is away, it is nobody's quarrel. */
static void test_a_server_that_is_back_is_written_to_at_once(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");
	uint64_t now = NOW;

	(void)state;
	writes_want(w, a, true);
	for (unsigned i = 0; i < 20; i++) {
		assert_non_null(next(w, now));
		writes_end(w, a, WRITE_UNREACHABLE, 0, now);
		now += 30 * SECOND;
	}
	assert_string_equal(next(w, now), "a");
}

static void test_what_is_given_back_is_no_more_than_was_taken(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();

	(void)state;
	writes_want(w, get(w, "a"), false);
	assert_string_equal(next(w, NOW), "a");
	writes_want(w, get(w, "b"), false);
	assert_string_equal(next(w, NOW + SECOND), "b");
	writes_end(w, get(w, "b"), WRITE_NEEDLESS, 0, NOW + SECOND);
	writes_end(w, get(w, "a"), WRITE_NEEDLESS, 0, NOW + SECOND);
	want_many(w, 1000, false);
	assert_int_equal(send_all(w, NOW + 3600 * (uint64_t)SECOND), WRITES_BURST);
}

static void test_what_is_refused_again_and_again_is_paced(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *one;
	uint64_t wait;

	(void)state;
	want_many(w, 1000, true);
	while ((one = writes_next(w, NOW, &wait)))
		writes_end(w, one, WRITE_REFUSED, 0, NOW);
	assert_int_equal(send_all(w, NOW + 60 * SECOND), WRITES_BURST);
}

static void test_a_refused_write_does_not_hold_up_others(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *bad = get(w, "bad");

	(void)state;
	writes_want(w, bad, true);
	assert_non_null(next(w, NOW));
	writes_end(w, bad, WRITE_REFUSED, 0, NOW);
	writes_want(w, get(w, "good"), true);
	assert_string_equal(next(w, NOW), "good");
	assert_null(next(w, NOW + SECOND));
	assert_string_equal(next(w, NOW + 60 * SECOND), "bad");
}

static size_t send_outdated(struct writes *w, uint64_t from, uint64_t to)
{
	size_t n = 0;

	for (uint64_t now = from; now < to; now += SECOND / 10) {
		struct write *one;
		uint64_t wait;

		while ((one = writes_next(w, now, &wait))) {
			writes_end(w, one, WRITE_OUTDATED, 0, now);
			n++;
		}
	}
	return n;
}

/* As while the watch is stuck. */
static void test_what_comes_too_late_is_tried_ever_more_rarely_until_there_are_news(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");
	uint64_t now = NOW + 300 * SECOND;

	(void)state;
	writes_want(w, a, true);
	assert_in_range(send_outdated(w, NOW, NOW + SECOND), 3, 4);
	assert_in_range(send_outdated(w, NOW + SECOND, NOW + 30 * SECOND), 4, 6);
	assert_in_range(send_outdated(w, NOW + 30 * SECOND, now), 8, 10);
	assert_true(writes_seen(w, &a->id));
	assert_int_equal(send_outdated(w, now, now + SECOND / 5), 1);
	writes_seen(w, &a->id);
	assert_non_null(next(w, now + SECOND / 5));
	writes_end(w, a, WRITE_DONE, 0, now + SECOND / 5);
	assert_false(writes_seen(w, &a->id));
	writes_want(w, a, true);
	assert_int_equal(send_all(w, now + SECOND / 5), 1);
}

/* Writes what is due; what is a quarrel as often as it may. */
static size_t quarrel(struct writes *w, struct write *a, uint64_t now)
{
	uint64_t wait;

	if (!writes_next(w, now, &wait) || !writes_quarrel(w, a, now))
		return 0;
	writes_end(w, a, WRITE_DONE, 0, now);
	return 1;
}

/* Somebody else writes the same status: both would go on for ever. */
static void test_a_quarrel_gets_slower_and_slower(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");
	size_t n = 0;

	(void)state;
	for (uint64_t now = NOW; now < NOW + 600 * SECOND; now += SECOND / 10) {
		writes_want(w, a, true);
		n += quarrel(w, a, now);
	}
	assert_in_range(n, 8, 20);
}

static void test_a_quarrel_that_rests_begins_anew(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		writes_want(w, a, false);
		quarrel(w, a, NOW);
	}
	writes_want(w, a, false);
	assert_int_equal(quarrel(w, a, NOW + 900 * SECOND), 1);
	writes_want(w, a, false);
	assert_int_equal(quarrel(w, a, NOW + 900 * SECOND), 1);
	writes_want(w, a, false);
	assert_int_equal(quarrel(w, a, NOW + 900 * SECOND), 0);
}

/* Nor is it held against its owner that its endpoints come and go. */
static void test_what_somebody_waits_for_is_written_whatever_was_written_before(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		writes_want(w, a, false);
		quarrel(w, a, NOW);
		writes_want(w, a, false);
		send_all(w, NOW);
	}
	for (unsigned i = 0; i < 20; i++) {
		writes_want(w, a, true);
		assert_int_equal(send_all(w, NOW), 1);
	}
}

static void test_news_of_one_service_are_a_second_apart(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");
	size_t n = 0;

	(void)state;
	for (uint64_t now = NOW; now < NOW + 30 * SECOND; now += SECOND / 10) {
		writes_want(w, a, false);
		n += send_all(w, now);
	}
	assert_in_range(n, 30, 38);
}

static void test_nothing_is_held_against_a_successor(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");

	(void)state;
	writes_want(w, a, true);
	assert_non_null(next(w, NOW));
	writes_end(w, a, WRITE_REFUSED, 0, NOW);
	assert_null(next(w, NOW));
	writes_renew(a);
	assert_non_null(next(w, NOW));
}

static void test_what_is_forgotten_in_flight_is_dropped_at_its_end(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a"), *b = get(w, "b");

	(void)state;
	a->digest = 5;
	writes_want(w, a, true);
	writes_want(w, b, true);
	assert_non_null(next(w, NOW));
	writes_forget(w, a);
	writes_forget(w, b);
	writes_end(w, a, WRITE_DONE, 0, NOW);
	assert_null(next(w, NOW));
	assert_int_equal(get(w, "a")->digest, 0);
}

static void test_a_server_that_answers_others_is_written_to_when_it_wants_to_be(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a");

	(void)state;
	writes_want(w, a, true);
	assert_non_null(next(w, NOW));
	writes_end(w, a, WRITE_UNREACHABLE, 0, NOW);
	assert_null(next(w, NOW));
	writes_wake(w);
	assert_non_null(next(w, NOW));
	writes_end(w, a, WRITE_UNREACHABLE, 9 * SECOND, NOW);
	writes_wake(w);
	assert_null(next(w, NOW + 8 * SECOND));
	assert_non_null(next(w, NOW + 9 * SECOND));
}

static void test_what_is_in_doubt_is_taken_once_and_what_is_put_off_comes_again(void **state)
{
	CLEANUP(writes_freep) struct writes *w = writes_new();
	struct write *a = get(w, "a"), *b = get(w, "b"), *c = get(w, "c");

	(void)state;
	writes_doubt(w, a);
	writes_doubt(w, b);
	writes_doubt(w, a);
	writes_put_off(w, c);
	assert_ptr_equal(writes_doubted(w), a);
	assert_ptr_equal(writes_doubted(w), b);
	assert_null(writes_doubted(w));
	writes_recall(w);
	writes_put_off(w, a);
	writes_doubt(w, a);
	writes_forget(w, a);
	assert_ptr_equal(writes_doubted(w), c);
	assert_null(writes_doubted(w));
	writes_doubt_all(w);
	assert_non_null(writes_doubted(w));
	assert_non_null(writes_doubted(w));
	assert_null(writes_doubted(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_goes_before_other_news),
		cmocka_unit_test(test_wanted_twice_is_written_once),
		cmocka_unit_test(test_wanted_in_flight_is_written_again),
		cmocka_unit_test(test_news_are_paced_and_addresses_are_not),
		cmocka_unit_test(test_what_needs_no_write_costs_nothing),
		cmocka_unit_test(test_only_so_many_are_in_flight),
		cmocka_unit_test(test_everything_waits_for_a_server_that_is_away),
		cmocka_unit_test(test_calls_that_fail_side_by_side_are_one_failure),
		cmocka_unit_test(test_who_cannot_be_written_holds_up_no_other_tenant),
		cmocka_unit_test(test_what_needs_no_write_says_nothing_of_the_server),
		cmocka_unit_test(test_a_server_that_is_back_is_written_to_at_once),
		cmocka_unit_test(test_what_is_given_back_is_no_more_than_was_taken),
		cmocka_unit_test(test_what_is_refused_again_and_again_is_paced),
		cmocka_unit_test(test_a_refused_write_does_not_hold_up_others),
		cmocka_unit_test(
			test_what_comes_too_late_is_tried_ever_more_rarely_until_there_are_news),
		cmocka_unit_test(test_a_quarrel_gets_slower_and_slower),
		cmocka_unit_test(test_a_quarrel_that_rests_begins_anew),
		cmocka_unit_test(
			test_what_somebody_waits_for_is_written_whatever_was_written_before),
		cmocka_unit_test(test_news_of_one_service_are_a_second_apart),
		cmocka_unit_test(test_nothing_is_held_against_a_successor),
		cmocka_unit_test(
			test_a_server_that_answers_others_is_written_to_when_it_wants_to_be),
		cmocka_unit_test(
			test_what_is_in_doubt_is_taken_once_and_what_is_put_off_comes_again),
		cmocka_unit_test(test_what_is_forgotten_in_flight_is_dropped_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
