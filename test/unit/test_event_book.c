/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "publish/event_book.h"

static const uint64_t second = 1000000, minute = 60000000;

/* A book and what time it is there. */
struct desk {
	struct event_book *book;
	struct event_time now;
};

static void desk_init(struct desk *d)
{
	d->book = event_book_new();
	d->now = (struct event_time){.clock = 1000, .date = 1767225600000000};
}

static void pass(struct desk *d, uint64_t usec)
{
	d->now.clock += usec;
	d->now.date += (int64_t)usec;
}

static void add_about(struct desk *d, const char *name, const char *reason, const char *note)
{
	event_book_add(d->book, &(struct events_subject){"shop", name, "f00d", "41"}, false, reason,
		note, d->now);
}

static void add(struct desk *d, const char *reason, const char *note)
{
	add_about(d, "web", reason, note);
}

static struct event *take(struct desk *d)
{
	return event_book_take(d->book, d->now);
}

static void end(struct desk *d, struct event *e, enum event_end how)
{
	event_book_end(d->book, e, how, d->now.clock);
}

/* The next one is this, and it is told. */
static void assert_tells(struct desk *d, const char *note)
{
	struct event *e = take(d);

	assert_non_null(e);
	assert_string_equal(e->note, note);
	end(d, e, EVENT_TOLD);
}

static void assert_rests(struct desk *d)
{
	assert_null(take(d));
	assert_true(event_book_wait(d->book, d->now.clock) > 0);
}

/* Nothing comes before `usec` have passed, and something then. */
static void assert_rests_for(struct desk *d, uint64_t usec)
{
	assert_true(event_book_wait(d->book, d->now.clock) == usec);
	pass(d, usec - 1);
	assert_null(take(d));
	pass(d, 1);
	assert_true(event_book_wait(d->book, d->now.clock) == 0);
}

static void test_an_event_is_sent_at_once_and_as_it_was_added(void **state)
{
	struct desk d;
	struct event *e;

	(void)state;
	desk_init(&d);
	assert_true(event_book_wait(d.book, d.now.clock) == UINT64_MAX);
	add(&d, "Announced", "10.1.1.1 announced by a");
	assert_true(event_book_wait(d.book, d.now.clock) == 0);
	e = take(&d);
	assert_string_equal(e->ns, "shop");
	assert_string_equal(e->name, "web");
	assert_string_equal(e->uid, "f00d");
	assert_string_equal(e->resource_version, "41");
	assert_string_equal(e->reason, "Announced");
	assert_string_equal(e->note, "10.1.1.1 announced by a");
	assert_false(e->warning);
	assert_false(e->exists);
	assert_int_equal(e->count, 1);
	assert_true(e->first == d.now.date && e->last == d.now.date);
	end(&d, e, EVENT_TOLD);
	assert_rests(&d);
	event_book_free(d.book);
}

static void test_the_same_event_within_half_an_hour_is_counted(void **state)
{
	struct desk d;
	struct event *e;
	uint64_t number;
	int64_t first;

	(void)state;
	desk_init(&d);
	first = d.now.date;
	add(&d, "NoEndpoints", "none");
	e = take(&d);
	number = e->number;
	end(&d, e, EVENT_TOLD);
	for (unsigned i = 2; i < 5; i++) {
		pass(&d, 29 * minute);
		add(&d, "NoEndpoints", "none");
		e = take(&d);
		assert_true(e->exists);
		assert_true(e->number == number);
		assert_int_equal(e->count, i);
		assert_true(e->first == first && e->last == d.now.date);
		end(&d, e, EVENT_TOLD);
	}
	pass(&d, 30 * minute);
	add(&d, "NoEndpoints", "none");
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number > number);
	assert_int_equal(e->count, 1);
	assert_true(e->first == d.now.date);
	end(&d, e, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_another_note_or_service_is_another_event(void **state)
{
	struct desk d;
	struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_tells(&d, "by a");
	add(&d, "Announced", "by b");
	e = take(&d);
	assert_false(e->exists);
	end(&d, e, EVENT_TOLD);
	add_about(&d, "shop", "Announced", "by a");
	e = take(&d);
	assert_false(e->exists);
	assert_string_equal(e->name, "shop");
	end(&d, e, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_what_is_gone_from_the_server_is_made_anew(void **state)
{
	struct desk d;
	struct event *e;
	uint64_t number;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	number = e->number;
	end(&d, e, EVENT_TOLD);
	add(&d, "Announced", "by a");
	e = take(&d);
	assert_true(e->exists);
	end(&d, e, EVENT_LOST);
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number > number);
	assert_int_equal(e->count, 1);
	end(&d, e, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_what_could_not_be_sent_is_sent_again_under_the_same_name(void **state)
{
	struct desk d;
	struct event *e;
	uint64_t number;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	number = e->number;
	end(&d, e, EVENT_AGAIN);
	pass(&d, minute);
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number == number);
	assert_int_equal(e->count, 1);
	end(&d, e, EVENT_TOLD);
	assert_int_equal(event_book_left_out(d.book), 0);
	event_book_free(d.book);
}

static void test_what_is_sent_again_takes_no_other_turn(void **state)
{
	struct desk d;
	char note[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < 9; i++) {
		snprintf(note, sizeof note, "by %u", i);
		add(&d, "Announced", note);
		assert_tells(&d, note);
	}
	add(&d, "Announced", "by a");
	end(&d, take(&d), EVENT_AGAIN);
	end(&d, take(&d), EVENT_AGAIN);
	assert_tells(&d, "by a");
	event_book_free(d.book);
}

static void test_what_the_server_refuses_is_forgotten(void **state)
{
	struct desk d;
	struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	end(&d, take(&d), EVENT_REFUSED);
	assert_int_equal(event_book_waiting(d.book), 0);
	add(&d, "Announced", "by a");
	e = take(&d);
	assert_false(e->exists);
	end(&d, e, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_the_same_event_waits_for_the_one_on_its_way(void **state)
{
	struct desk d;
	struct event *first, *second_one;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	first = take(&d);
	add(&d, "Announced", "by a");
	assert_null(take(&d));
	assert_true(event_book_wait(d.book, d.now.clock) == UINT64_MAX);
	end(&d, first, EVENT_TOLD);
	second_one = take(&d);
	assert_true(second_one->exists);
	assert_int_equal(second_one->count, 2);
	end(&d, second_one, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_one_that_failed_gives_way_to_a_newer_one_of_its_reason(void **state)
{
	struct desk d;
	struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	add(&d, "Announced", "by b");
	end(&d, e, EVENT_AGAIN);
	assert_tells(&d, "by b");
	assert_null(take(&d));
	assert_int_equal(event_book_left_out(d.book), 1);
	event_book_free(d.book);
}

static void test_a_service_has_ten_events_and_then_one_each_half_minute(void **state)
{
	struct desk d;
	char note[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(note, sizeof note, "by %u", i);
		add(&d, "Announced", note);
		assert_tells(&d, note);
	}
	for (unsigned i = 10; i < 20; i++) {
		snprintf(note, sizeof note, "by %u", i);
		add(&d, "Announced", note);
	}
	add(&d, "Withdrawn", "by nobody");
	assert_int_equal(event_book_left_out(d.book), 9);
	assert_rests_for(&d, 30 * second);
	assert_tells(&d, "by 19");
	assert_rests_for(&d, 30 * second);
	assert_tells(&d, "by nobody");
	assert_rests(&d);
	/* Others are not affected, and all is forgiven after five minutes. */
	add_about(&d, "other", "Announced", "by a");
	assert_tells(&d, "by a");
	pass(&d, 5 * minute);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(note, sizeof note, "again by %u", i);
		add(&d, "Announced", note);
		assert_tells(&d, note);
	}
	event_book_free(d.book);
}

static void test_what_waits_is_counted_up(void **state)
{
	struct desk d;
	struct event *e;
	char note[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(note, sizeof note, "by %u", i);
		add(&d, "Announced", note);
		assert_tells(&d, note);
	}
	for (unsigned i = 0; i < 3; i++)
		add(&d, "Announced", "by a");
	pass(&d, 30 * second);
	e = take(&d);
	assert_int_equal(e->count, 3);
	assert_true(e->last - e->first == 0 && e->first < d.now.date);
	end(&d, e, EVENT_TOLD);
	assert_int_equal(event_book_left_out(d.book), 0);
	event_book_free(d.book);
}

static void test_all_services_together_have_twenty_a_second(void **state)
{
	struct desk d;
	char name[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", name);
	}
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		assert_tells(&d, name);
	}
	assert_rests_for(&d, second / 20);
	assert_tells(&d, "web-20");
	assert_rests_for(&d, second / 20);
	pass(&d, second);
	for (unsigned i = 21; i < 41; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		assert_tells(&d, name);
	}
	assert_rests(&d);
	event_book_free(d.book);
}

static void test_only_so_many_wait(void **state)
{
	struct desk d;
	char name[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < LIMIT_EVENTS_WAITING + 5; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", "by a");
	}
	assert_int_equal(event_book_waiting(d.book), LIMIT_EVENTS_WAITING);
	assert_int_equal(event_book_left_out(d.book), 5);
	event_book_free(d.book);
}

/* Neither is a Service forgotten too early: see above. */
static void test_only_so_many_are_remembered(void **state)
{
	struct desk d;
	struct event *e;
	char name[32];

	(void)state;
	desk_init(&d);
	add_about(&d, "first", "Announced", "by a");
	assert_tells(&d, "by a");
	for (unsigned i = 0; i < LIMIT_EVENTS_TOLD; i++) {
		pass(&d, second / 20);
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", "by a");
		assert_tells(&d, "by a");
	}
	add_about(&d, "first", "Announced", "by a");
	pass(&d, second / 20);
	e = take(&d);
	assert_false(e->exists);
	end(&d, e, EVENT_TOLD);
	event_book_free(d.book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_sent_at_once_and_as_it_was_added),
		cmocka_unit_test(test_the_same_event_within_half_an_hour_is_counted),
		cmocka_unit_test(test_another_note_or_service_is_another_event),
		cmocka_unit_test(test_what_is_gone_from_the_server_is_made_anew),
		cmocka_unit_test(test_what_could_not_be_sent_is_sent_again_under_the_same_name),
		cmocka_unit_test(test_what_is_sent_again_takes_no_other_turn),
		cmocka_unit_test(test_what_the_server_refuses_is_forgotten),
		cmocka_unit_test(test_the_same_event_waits_for_the_one_on_its_way),
		cmocka_unit_test(test_one_that_failed_gives_way_to_a_newer_one_of_its_reason),
		cmocka_unit_test(test_a_service_has_ten_events_and_then_one_each_half_minute),
		cmocka_unit_test(test_what_waits_is_counted_up),
		cmocka_unit_test(test_all_services_together_have_twenty_a_second),
		cmocka_unit_test(test_only_so_many_wait),
		cmocka_unit_test(test_only_so_many_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
