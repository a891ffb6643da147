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

/* The next one, as soon as it may be sent. */
static const struct event *take(struct desk *d)
{
	uint64_t wait = event_book_wait(d->book, d->now.clock);

	if (wait != UINT64_MAX)
		pass(d, wait);
	return event_book_take(d->book, d->now);
}

static void end(struct desk *d, enum event_end how)
{
	event_book_end(d->book, how, d->now.clock);
}

/* The next one is this, and it is told. */
static void assert_tells(struct desk *d, const char *note)
{
	const struct event *e = take(d);

	assert_non_null(e);
	assert_string_equal(e->note, note);
	end(d, EVENT_TOLD);
}

static void assert_rests(struct desk *d)
{
	assert_true(event_book_wait(d->book, d->now.clock) > 0);
	assert_null(event_book_take(d->book, d->now));
}

/* Nothing comes before `usec` have passed, and something then. */
static void assert_rests_for(struct desk *d, uint64_t usec)
{
	assert_true(event_book_wait(d->book, d->now.clock) == usec);
	pass(d, usec - 1);
	assert_null(event_book_take(d->book, d->now));
	pass(d, 1);
	assert_true(event_book_wait(d->book, d->now.clock) == 0);
}

static void test_an_event_is_sent_at_once_and_as_it_was_added(void **state)
{
	struct desk d;
	const struct event *e;

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
	end(&d, EVENT_TOLD);
	assert_rests(&d);
	event_book_free(d.book);
}

static void test_what_waits_keeps_no_other_from_being_forgotten(void **state)
{
	const struct event *e;
	struct desk d;

	(void)state;
	desk_init(&d);
	add(&d, "First", "it waits");
	add(&d, "Second", "once");
	assert_string_equal(take(&d)->reason, "First");
	end(&d, EVENT_AGAIN);
	assert_tells(&d, "once");
	pass(&d, 30 * minute);
	add(&d, "Second", "long after");
	assert_tells(&d, "it waits");
	e = take(&d);
	assert_string_equal(e->note, "long after");
	assert_int_equal(e->count, 1);
	assert_false(e->exists);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_the_same_event_within_half_an_hour_is_counted(void **state)
{
	struct desk d;
	const struct event *e;
	uint64_t number;
	int64_t first;

	(void)state;
	desk_init(&d);
	first = d.now.date;
	add(&d, "NoEndpoints", "none");
	e = take(&d);
	number = e->number;
	end(&d, EVENT_TOLD);
	for (unsigned i = 2; i < 5; i++) {
		pass(&d, 29 * minute);
		add(&d, "NoEndpoints", "none");
		e = take(&d);
		assert_true(e->exists);
		assert_true(e->number == number);
		assert_int_equal(e->count, i);
		assert_true(e->first == first && e->last == d.now.date);
		end(&d, EVENT_TOLD);
	}
	pass(&d, 30 * minute);
	add(&d, "NoEndpoints", "none");
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number > number);
	assert_int_equal(e->count, 1);
	assert_true(e->first == d.now.date);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_another_note_is_the_newest_of_its_event(void **state)
{
	struct desk d;
	const struct event *e;
	uint64_t number;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	number = e->number;
	end(&d, EVENT_TOLD);
	add(&d, "Announced", "by b");
	e = take(&d);
	assert_true(e->exists);
	assert_true(e->number == number);
	assert_int_equal(e->count, 2);
	assert_string_equal(e->note, "by b");
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_another_reason_or_service_is_another_event(void **state)
{
	struct desk d;
	const struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_tells(&d, "by a");
	add(&d, "Withdrawn", "by a");
	e = take(&d);
	assert_false(e->exists);
	end(&d, EVENT_TOLD);
	add_about(&d, "shop", "Announced", "by a");
	e = take(&d);
	assert_false(e->exists);
	assert_string_equal(e->name, "shop");
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_what_is_gone_from_the_server_is_made_anew(void **state)
{
	struct desk d;
	const struct event *e;
	uint64_t number;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	number = e->number;
	end(&d, EVENT_TOLD);
	add(&d, "Announced", "by a");
	e = take(&d);
	assert_true(e->exists);
	end(&d, EVENT_LOST);
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number > number);
	assert_int_equal(e->count, 1);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_what_could_not_be_sent_is_sent_again_under_the_same_name(void **state)
{
	struct desk d;
	const struct event *e;
	uint64_t number;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	e = take(&d);
	number = e->number;
	end(&d, EVENT_AGAIN);
	pass(&d, minute);
	e = take(&d);
	assert_false(e->exists);
	assert_true(e->number == number);
	assert_int_equal(e->count, 1);
	end(&d, EVENT_TOLD);
	assert_int_equal(event_book_left_out(d.book), 0);
	event_book_free(d.book);
}

static void test_what_the_server_refuses_is_forgotten(void **state)
{
	struct desk d;
	const struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_non_null(take(&d));
	end(&d, EVENT_REFUSED);
	assert_int_equal(event_book_waiting(d.book), 0);
	add(&d, "Announced", "by a");
	e = take(&d);
	assert_false(e->exists);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_the_same_event_waits_for_the_one_on_its_way(void **state)
{
	struct desk d;
	const struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_non_null(take(&d));
	add(&d, "Announced", "by a");
	assert_null(take(&d));
	assert_true(event_book_wait(d.book, d.now.clock) == UINT64_MAX);
	end(&d, EVENT_TOLD);
	e = take(&d);
	assert_true(e->exists);
	assert_int_equal(e->count, 2);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

static void test_one_that_failed_gives_way_to_a_newer_one_of_its_reason(void **state)
{
	struct desk d;
	const struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_non_null(take(&d));
	add(&d, "Announced", "by b");
	end(&d, EVENT_AGAIN);
	e = take(&d);
	assert_string_equal(e->note, "by b");
	assert_int_equal(e->count, 2);
	end(&d, EVENT_TOLD);
	assert_null(take(&d));
	event_book_free(d.book);
}

static void test_what_changes_all_the_time_is_told_ever_later(void **state)
{
	static const unsigned gaps[] = {1, 2, 4, 8, 16, 30, 30};
	struct desk d;
	const struct event *e;

	(void)state;
	desk_init(&d);
	add(&d, "Announced", "by a");
	assert_tells(&d, "by a");
	for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
		add(&d, "Announced", "by b");
		add(&d, "Announced", "by c");
		assert_rests_for(&d, gaps[i] * second);
		e = take(&d);
		assert_string_equal(e->note, "by c");
		assert_int_equal(e->count, 3 + 2 * i);
		end(&d, EVENT_TOLD);
	}
	/* Others are not affected, and all is forgiven after five minutes. */
	add(&d, "Announced", "by d");
	pass(&d, second);
	add(&d, "Withdrawn", "by nobody");
	assert_tells(&d, "by nobody");
	pass(&d, second);
	add_about(&d, "other", "Announced", "by a");
	assert_tells(&d, "by a");
	assert_rests_for(&d, 28 * second);
	assert_tells(&d, "by d");
	pass(&d, 5 * minute + 30 * second);
	add(&d, "Announced", "by a");
	assert_tells(&d, "by a");
	add(&d, "Announced", "by b");
	assert_rests_for(&d, second);
	event_book_free(d.book);
}

static void test_all_services_together_have_twenty_a_second(void **state)
{
	struct desk d;
	char name[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", name);
	}
	assert_tells(&d, "web-0");
	assert_rests_for(&d, second / 20);
	assert_tells(&d, "web-1");
	assert_rests_for(&d, second / 20);
	assert_tells(&d, "web-2");
	event_book_free(d.book);
}

static void test_only_so_many_wait(void **state)
{
	struct desk d;
	char name[32];

	(void)state;
	desk_init(&d);
	for (unsigned i = 0; i < LIMIT_EVENTS + 5; i++) {
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", "by a");
	}
	assert_int_equal(event_book_waiting(d.book), LIMIT_EVENTS);
	assert_int_equal(event_book_left_out(d.book), 5);
	event_book_free(d.book);
}

/* Neither is a Service forgotten too early: see above. */
static void test_only_so_many_are_remembered(void **state)
{
	struct desk d;
	const struct event *e;
	char name[32];

	(void)state;
	desk_init(&d);
	add_about(&d, "first", "Announced", "by a");
	assert_tells(&d, "by a");
	for (unsigned i = 0; i < LIMIT_EVENTS; i++) {
		pass(&d, second / 20);
		snprintf(name, sizeof name, "web-%u", i);
		add_about(&d, name, "Announced", "by a");
		assert_tells(&d, "by a");
	}
	add_about(&d, "web-0", "Announced", "by b");
	e = take(&d);
	assert_true(e->exists);
	end(&d, EVENT_TOLD);
	add_about(&d, "first", "Announced", "by a");
	e = take(&d);
	assert_false(e->exists);
	end(&d, EVENT_TOLD);
	event_book_free(d.book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_sent_at_once_and_as_it_was_added),
		cmocka_unit_test(test_what_waits_keeps_no_other_from_being_forgotten),
		cmocka_unit_test(test_the_same_event_within_half_an_hour_is_counted),
		cmocka_unit_test(test_another_note_is_the_newest_of_its_event),
		cmocka_unit_test(test_another_reason_or_service_is_another_event),
		cmocka_unit_test(test_what_is_gone_from_the_server_is_made_anew),
		cmocka_unit_test(test_what_could_not_be_sent_is_sent_again_under_the_same_name),
		cmocka_unit_test(test_what_the_server_refuses_is_forgotten),
		cmocka_unit_test(test_the_same_event_waits_for_the_one_on_its_way),
		cmocka_unit_test(test_one_that_failed_gives_way_to_a_newer_one_of_its_reason),
		cmocka_unit_test(test_what_changes_all_the_time_is_told_ever_later),
		cmocka_unit_test(test_all_services_together_have_twenty_a_second),
		cmocka_unit_test(test_only_so_many_wait),
		cmocka_unit_test(test_only_so_many_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
