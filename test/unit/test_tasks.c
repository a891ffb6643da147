/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/tasks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct place place_of(uint16_t port)
{
	return (struct place){.vip = ipaddr_from_bytes(AF_INET, (const uint8_t[]){10, 1, 1, 1}),
		.protocol = IPPROTO_TCP,
		.port = port};
}

static struct task *add(struct tasks *t, uint16_t port)
{
	const struct place at = place_of(port);

	return tasks_at(t, &at);
}

static int make(void **state)
{
	*state = tasks_new();
	return 0;
}

static int drop(void **state)
{
	tasks_free(*state);
	return 0;
}

static void there_are_none_at_first(void **state)
{
	struct task task;

	assert_true(tasks_empty(*state));
	assert_false(tasks_take(&task, *state));
}

static void they_come_in_order_each_once(void **state)
{
	static const uint16_t ports[] = {7, 3, 9, 3, 7, 1}, order[] = {7, 3, 9, 1};
	struct task task;

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		add(*state, ports[i]);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		assert_false(tasks_empty(*state));
		assert_true(tasks_take(&task, *state));
		assert_int_equal(task.place.port, order[i]);
	}
	assert_true(tasks_empty(*state));
}

static void one_that_is_dropped_does_not_come(void **state)
{
	const struct place gone = place_of(3), never = place_of(4);
	struct task task;

	add(*state, 7);
	add(*state, 3);
	tasks_drop(*state, &gone);
	tasks_drop(*state, &never);
	assert_true(tasks_take(&task, *state));
	assert_int_equal(task.place.port, 7);
	assert_true(tasks_empty(*state));
}

static void what_is_noted_of_one_stays_until_it_is_taken(void **state)
{
	struct task task;

	add(*state, 1)->told = true;
	add(*state, 2);
	add(*state, 1)->tries = 3;
	assert_true(tasks_take(&task, *state));
	assert_true(task.told);
	assert_false(task.reorder);
	assert_int_equal(task.tries, 3);
	assert_false(add(*state, 1)->told);
}

static void one_that_was_taken_and_comes_again_is_the_last(void **state)
{
	struct task task;

	add(*state, 1);
	add(*state, 2);
	assert_true(tasks_take(&task, *state));
	add(*state, 1);
	assert_true(tasks_take(&task, *state));
	assert_int_equal(task.place.port, 2);
	assert_true(tasks_take(&task, *state));
	assert_int_equal(task.place.port, 1);
}

static void those_that_are_left_are_freed(void **state)
{
	for (uint16_t port = 1; port <= 100; port++)
		add(*state, port);
	assert_false(tasks_empty(*state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_are_none_at_first),
		TEST(they_come_in_order_each_once),
		TEST(one_that_is_dropped_does_not_come),
		TEST(what_is_noted_of_one_stays_until_it_is_taken),
		TEST(one_that_was_taken_and_comes_again_is_the_last),
		TEST(those_that_are_left_are_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
