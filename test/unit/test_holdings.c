/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/holdings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addresses.h"
#include "macs.h"

enum { MSEC = 1000, SECOND = 1000 * 1000, BEGIN = 1000 * SECOND, MANY = 100 };

static struct prefixes set_of(const char *const texts[], size_t n)
{
	struct prefixes p = {0};

	for (size_t i = 0; i < n; i++) {
		const struct ipnet net = net_of(texts[i]);

		prefixes_add(&p, &net);
	}
	return p;
}

static void take(struct holdings *h, const char *const texts[], size_t n, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes p = set_of(texts, n);

	holdings_set(h, &p, now);
}

static struct holding *find(const struct holdings *h, const char *text)
{
	const struct ipaddr vip = addr_of(text);

	return holdings_find(h, &vip);
}

/* How many are made known at once, at most `max`. */
static size_t tell(struct holdings *h, size_t max, uint64_t now)
{
	struct holding *due[MANY];
	size_t n = holdings_due(due, max, h, now);

	for (size_t i = 0; i < n; i++)
		holding_told(due[i], now);
	return n;
}

static void test_only_single_addresses_are_answered_for(void **state)
{
	static const char *const some[] = {"192.0.2.0/24", "192.0.2.10/32", "2001:db8::1/128"};
	struct holdings h = {0};

	(void)state;
	take(&h, some, 3, BEGIN);
	assert_int_equal(h.n_items, 2);
	assert_non_null(find(&h, "192.0.2.10"));
	assert_non_null(find(&h, "2001:db8::1"));
	assert_null(find(&h, "192.0.2.0"));
	assert_null(find(&h, "192.0.2.11"));
	holdings_done(&h);
}

static void test_a_new_one_is_made_known_at_once_again_soon_and_now_and_then(void **state)
{
	static const char *const one[] = {"192.0.2.10"};
	static const uint64_t at[] = {0, 200 * MSEC, SECOND, 3 * SECOND, 63 * SECOND, 123 * SECOND};
	struct holdings h = {0};

	(void)state;
	take(&h, one, 1, BEGIN);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		assert_true(holdings_next(&h) == BEGIN + at[i]);
		assert_int_equal(tell(&h, MANY, BEGIN + at[i]), 1);
		assert_int_equal(tell(&h, MANY, BEGIN + at[i]), 0);
	}
	holdings_done(&h);
	assert_true(holdings_next(&h) == UINT64_MAX);
}

static void test_what_is_kept_goes_on_where_it_was(void **state)
{
	static const char *const both[] = {"192.0.2.10", "192.0.2.11"};
	struct holdings h = {0};

	(void)state;
	take(&h, both, 1, BEGIN);
	tell(&h, MANY, BEGIN);
	take(&h, both, 2, BEGIN + SECOND);
	assert_int_equal(find(&h, "192.0.2.10")->n_told, 1);
	assert_true(find(&h, "192.0.2.11")->due == BEGIN + SECOND);
	take(&h, both + 1, 1, BEGIN + SECOND);
	/* Who comes back begins again. */
	take(&h, both, 2, BEGIN + 2 * SECOND);
	assert_true(find(&h, "192.0.2.10")->due == BEGIN + 2 * SECOND);
	assert_int_equal(find(&h, "192.0.2.10")->n_told, 0);
	holdings_done(&h);
}

/* Those that nobody knows of come before those that are said once more. */
static void test_where_there_is_no_room_who_waits_longest_comes_first(void **state)
{
	static const char *const old[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12"};
	static const char *const all[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.1"};
	struct holdings h = {0};
	struct holding *due[MANY];

	(void)state;
	take(&h, old, 3, BEGIN);
	tell(&h, MANY, BEGIN);
	take(&h, all, 4, BEGIN + 100 * MSEC);
	assert_int_equal(holdings_due(due, 2, &h, BEGIN + SECOND), 2);
	assert_ptr_equal(due[0], find(&h, "192.0.2.1"));
	assert_ptr_equal(due[1], find(&h, "192.0.2.10"));
	assert_int_equal(holdings_due(due, 0, &h, BEGIN + SECOND), 0);
	assert_int_equal(holdings_due(due, MANY, &h, BEGIN + SECOND), 4);
	holdings_done(&h);
}

static void test_all_have_their_turn(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = {0};
	struct holdings h = {0};
	struct ipnet net = net_of("192.0.2.1/32");

	(void)state;
	for (size_t i = 0; i < MANY; i++, ipaddr_step(&net.addr))
		prefixes_add(&p, &net);
	holdings_set(&h, &p, BEGIN);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(tell(&h, MANY / 10, BEGIN + i * 10 * MSEC), MANY / 10);
	for (size_t i = 0; i < h.n_items; i++)
		assert_int_equal(h.items[i].n_told, 1);
	holdings_done(&h);
}

/* How many are asked for, at most `max`. */
static size_t ask(struct holdings *h, size_t max, uint64_t now)
{
	struct holding *doubted[MANY];
	size_t n = holdings_to_ask(doubted, max, h, now);

	for (size_t i = 0; i < n; i++)
		rival_asked(&doubted[i]->rival, now);
	return n;
}

static void test_who_may_have_a_rival_is_made_known_and_asked_for(void **state)
{
	static const char *const one[] = {"192.0.2.10"};
	const struct mac other = mac_number(9);
	struct holdings h = {0};

	(void)state;
	take(&h, one, 1, BEGIN);
	rival_hear(&h.items[0].rival, &other, BEGIN);
	assert_int_equal(tell(&h, MANY, BEGIN), 1);
	assert_int_equal(ask(&h, MANY, BEGIN), 0);
	assert_true(holdings_next(&h) == BEGIN + 200 * MSEC);
	assert_int_equal(tell(&h, MANY, BEGIN + 200 * MSEC), 1);
	assert_int_equal(tell(&h, MANY, BEGIN + SECOND), 1);
	assert_int_equal(tell(&h, MANY, BEGIN + 3 * SECOND), 1);
	assert_true(holdings_next(&h) == BEGIN + 3 * SECOND);
	assert_int_equal(ask(&h, MANY, BEGIN + 3 * SECOND), 1);
	assert_int_equal(ask(&h, MANY, BEGIN + 3 * SECOND), 0);
	assert_true(holdings_next(&h) == BEGIN + 4 * SECOND);
	holdings_done(&h);
}

static void test_of_many_doubts_all_have_their_turn(void **state)
{
	static const char *const all[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"};
	const struct mac other = mac_number(9);
	struct holdings h = {0};

	(void)state;
	take(&h, all, 4, BEGIN);
	for (size_t i = 0; i < 3; i++)
		rival_hear(&find(&h, all[i])->rival, &other, BEGIN);
	assert_int_equal(ask(&h, 0, BEGIN + 3 * SECOND), 0);
	assert_int_equal(ask(&h, 2, BEGIN + 3 * SECOND), 2);
	assert_int_equal(ask(&h, 2, BEGIN + 3 * SECOND + 20 * MSEC), 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(find(&h, all[i])->rival.step, i < 3 ? RIVAL_ASKED : RIVAL_NOBODY);
	holdings_done(&h);
}

static void test_who_has_a_rival_is_not_made_known(void **state)
{
	static const char *const both[] = {"192.0.2.10", "192.0.2.11"};
	const struct mac other = mac_number(9);
	struct holdings h = {0};
	struct holding *one;

	(void)state;
	take(&h, both, 2, BEGIN);
	one = find(&h, "192.0.2.10");
	rival_hear(&one->rival, &other, BEGIN + 10 * SECOND);
	assert_int_equal(ask(&h, MANY, BEGIN + 13 * SECOND), 1);
	rival_hear(&one->rival, &other, BEGIN + 13 * SECOND);
	assert_true(holdings_next(&h) <= BEGIN + 13 * SECOND);
	assert_int_equal(rival_look(&one->rival, BEGIN + 13 * SECOND), RIVAL_COMES);
	assert_int_equal(tell(&h, MANY, BEGIN + 13 * SECOND), 1);
	/* It is asked for again when the rival may have gone. */
	find(&h, "192.0.2.11")->due = UINT64_MAX;
	assert_true(holdings_next(&h) == BEGIN + 43 * SECOND);
	assert_int_equal(ask(&h, MANY, BEGIN + 43 * SECOND), 1);
	assert_int_equal(tell(&h, MANY, BEGIN + 43 * SECOND), 0);
	assert_int_equal(rival_look(&one->rival, BEGIN + 44 * SECOND), RIVAL_GOES);
	holding_start(one, BEGIN + 44 * SECOND);
	assert_int_equal(tell(&h, MANY, BEGIN + 44 * SECOND), 1);
	holdings_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_single_addresses_are_answered_for),
		cmocka_unit_test(test_a_new_one_is_made_known_at_once_again_soon_and_now_and_then),
		cmocka_unit_test(test_what_is_kept_goes_on_where_it_was),
		cmocka_unit_test(test_where_there_is_no_room_who_waits_longest_comes_first),
		cmocka_unit_test(test_all_have_their_turn),
		cmocka_unit_test(test_who_may_have_a_rival_is_made_known_and_asked_for),
		cmocka_unit_test(test_of_many_doubts_all_have_their_turn),
		cmocka_unit_test(test_who_has_a_rival_is_not_made_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
