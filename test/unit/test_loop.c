/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { TOO_LONG = 30 * 1000, WAIT = 1000 * 1000, CODE = 3 };

static void ignore(void *ud)
{
	(void)ud;
}

static void hold(void *ud)
{
	uint64_t begin = loop_clock();

	while (loop_clock() - begin < TOO_LONG)
		;
	loop_exit(ud, CODE);
}

static uint64_t longer_than(uint64_t usec)
{
	const struct loop_holds holds = loop_holds();
	uint64_t n = 0;

	for (size_t i = 1; i < LOOP_HOLD_CLASSES; i++)
		if (holds.classes[i - 1].limit >= usec)
			n += holds.classes[i].n;
	return n;
}

static void on_held(void *ud, const struct loop_hold *hold)
{
	*(struct loop_hold *)ud = *hold;
}

static void what_holds_the_loop_is_counted_and_waiting_is_not(void **state)
{
	CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
	sd_event_source *timer = NULL;
	struct loop_hold told = {0};
	struct err e = {0};
	uint64_t begin = loop_clock();

	(void)state;
	loop_on_held(on_held, &told);
	assert_int_equal(loop_new(&loop, ignore, NULL, &e), 0);
	assert_int_equal(loop_timer_new(&timer, loop, hold, loop, &e), 0);
	loop_timer_arm(timer, WAIT);
	assert_int_equal(loop_run(loop, &e), CODE);
	assert_int_equal(longer_than(20 * 1000), 1);
	assert_true(loop_holds().sum >= TOO_LONG);
	assert_true(loop_holds().sum <= loop_clock() - begin - WAIT);
	assert_string_equal(told.what, "test/unit/test_loop.c:hold");
	assert_true(told.took >= TOO_LONG);
	assert_string_equal(loop_holds().longest.what, told.what);
	loop_on_held(NULL, NULL);
	sd_event_source_disable_unref(timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_the_loop_is_counted_and_waiting_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
