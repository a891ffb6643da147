/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/evictions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "letters.h"

enum { SECOND = 1000 * 1000, LONG = 3 * EVICTIONS_MAX };

static struct place place_of(char letter)
{
	const struct virtual_server vs = letters_server(letter);

	return virtual_server_place(&vs);
}

static int make(void **state)
{
	*state = evictions_new();
	return 0;
}

static int drop(void **state)
{
	evictions_free(*state);
	return 0;
}

static void note(struct evictions *e, char letter, uint64_t now)
{
	const struct place at = place_of(letter);

	evictions_note(e, &at, now);
}

static bool waits(const struct evictions *e, char letter)
{
	const struct place at = place_of(letter);

	return evictions_wait(e, &at);
}

/* That no place or this one is due; with 0 none. */
static void assert_takes(struct evictions *e, uint64_t now, char letter)
{
	const struct place wanted = letter ? place_of(letter) : (struct place){0};
	struct place at;

	assert_int_equal(evictions_take(&at, e, now), letter != 0);
	if (letter)
		assert_int_equal(place_cmp(&at, &wanted), 0);
}

static void it_comes_again_when_connections_have_ended(void **state)
{
	assert_int_equal(evictions_due(*state), EVICTIONS_NEVER);
	note(*state, 'A', LONG);
	assert_true(waits(*state, 'A'));
	assert_false(waits(*state, 'B'));
	assert_in_range(evictions_due(*state), LONG + EVICTIONS_MIN, LONG + 2 * EVICTIONS_MIN);
	assert_takes(*state, LONG + EVICTIONS_MIN - 1, 0);
	assert_takes(*state, evictions_due(*state), 'A');
	assert_false(waits(*state, 'A'));
	assert_takes(*state, 2 * LONG, 0);
}

static void another_one_does_not_put_it_off(void **state)
{
	uint64_t due;

	note(*state, 'A', LONG);
	due = evictions_due(*state);
	for (uint64_t now = LONG; now < due; now += SECOND / 10) {
		note(*state, 'B', now);
		note(*state, 'A', now);
		assert_true(evictions_due(*state) <= due);
	}
	assert_takes(*state, due, 'A');
}

static uint64_t wait_of(struct evictions *e, char letter, uint64_t *now)
{
	uint64_t begin = *now;

	note(e, letter, *now);
	*now = evictions_due(e);
	assert_takes(e, *now, letter);
	return *now - begin;
}

static void one_that_flaps_waits_longer_and_no_other_one(void **state)
{
	uint64_t now = LONG, first = wait_of(*state, 'A', &now);

	assert_true(wait_of(*state, 'A', &now) > first + first / 2);
	for (unsigned i = 0; i < 10; i++)
		assert_true(wait_of(*state, 'A', &now) < 2 * (uint64_t)EVICTIONS_MAX);
	assert_true(wait_of(*state, 'B', &now) < 2 * EVICTIONS_MIN);
	now += LONG;
	assert_true(wait_of(*state, 'A', &now) < 2 * EVICTIONS_MIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_comes_again_when_connections_have_ended),
		TEST(another_one_does_not_put_it_off),
		TEST(one_that_flaps_waits_longer_and_no_other_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
