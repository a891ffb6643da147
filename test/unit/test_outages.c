/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "publish/outages.h"

enum { SECOND = 1000 * 1000, NOW = 1000 * SECOND };

/* Services of three namespaces, two each. */
enum { A1, A2, B1, B2, C1, C2, N_MEMBERS };

struct rig {
	struct outages *o;
	struct outage_member members[N_MEMBERS];
};

static void set_up(struct rig *rig)
{
	static const char *const namespaces[] = {"a", "b", "c"};

	*rig = (struct rig){.o = outages_new()};
	for (size_t i = 0; i < N_MEMBERS; i++)
		outages_join(rig->o, &rig->members[i], namespaces[i / 2]);
}

static void tear_down(struct rig *rig)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
		outages_leave(rig->o, &rig->members[i]);
	outages_free(rig->o);
}

static void fails(struct rig *rig, size_t i, uint64_t now)
{
	outages_failed(rig->o, &rig->members[i], now);
}

/* usec from NOW until it may be called. */
static uint64_t waits(const struct rig *rig, size_t i)
{
	uint64_t until = outages_until(rig->o, &rig->members[i]);

	return until == UINT64_MAX || until == 0 ? until : until - NOW;
}

static void test_one_that_fails_waits_alone(void **state)
{
	struct rig rig;
	uint64_t now = NOW;

	(void)state;
	set_up(&rig);
	for (uint64_t pause = 1; pause <= 16; pause *= 2) {
		fails(&rig, A1, now);
		assert_int_equal(waits(&rig, A1), now - NOW + pause * SECOND);
		assert_int_equal(waits(&rig, A2), 0);
		assert_int_equal(waits(&rig, B1), 0);
		now += pause * SECOND;
	}
	for (unsigned i = 0; i < 3; i++) {
		fails(&rig, A1, now);
		assert_int_equal(waits(&rig, A1), now - NOW + 30 * SECOND);
		now += 30 * SECOND;
	}
	tear_down(&rig);
}

static void test_a_namespace_of_which_several_fail_waits_and_is_tried_one_by_one(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fails(&rig, A1, NOW);
	fails(&rig, A2, NOW + SECOND);
	assert_int_equal(waits(&rig, A1), 2 * SECOND);
	assert_int_equal(waits(&rig, B1), 0);
	outages_begin(rig.o, &rig.members[A1]);
	assert_int_equal(waits(&rig, A2), UINT64_MAX);
	assert_int_equal(waits(&rig, B1), 0);
	outages_end(rig.o, &rig.members[A1]);
	assert_int_equal(waits(&rig, A2), 2 * SECOND);
	tear_down(&rig);
}

static void test_a_success_between_two_failures_tells_them_apart(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fails(&rig, A1, NOW);
	outages_answered(rig.o, &rig.members[B1]);
	fails(&rig, C1, NOW);
	fails(&rig, C1, NOW + 10 * SECOND);
	assert_int_equal(waits(&rig, A1), SECOND);
	outages_answered(rig.o, &rig.members[A2]);
	fails(&rig, A1, NOW + SECOND);
	assert_int_equal(waits(&rig, A2), 0);
	tear_down(&rig);
}

static void test_all_wait_when_namespaces_fail_but_those_that_did_not_are_tried(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fails(&rig, A1, NOW);
	fails(&rig, B1, NOW);
	assert_int_equal(waits(&rig, A2), SECOND);
	assert_int_equal(waits(&rig, B2), SECOND);
	assert_int_equal(waits(&rig, C1), 0);
	outages_begin(rig.o, &rig.members[C1]);
	assert_int_equal(waits(&rig, C2), SECOND);
	fails(&rig, C1, NOW);
	outages_end(rig.o, &rig.members[C1]);
	assert_int_equal(waits(&rig, C2), SECOND);
	tear_down(&rig);
}

static void test_a_success_ends_the_pause_of_all_and_not_that_of_who_fails(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fails(&rig, A1, NOW);
	fails(&rig, B1, NOW);
	outages_answered(rig.o, &rig.members[C1]);
	assert_int_equal(waits(&rig, A2), 0);
	assert_int_equal(waits(&rig, A1), SECOND);
	outages_answered(rig.o, &rig.members[A1]);
	assert_int_equal(waits(&rig, A1), 0);
	assert_int_equal(waits(&rig, B1), SECOND);
	tear_down(&rig);
}

static void test_nobody_waits_for_a_server_that_is_back(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < N_MEMBERS; i++)
		fails(&rig, i, NOW);
	outages_wake(rig.o);
	for (size_t i = 0; i < N_MEMBERS; i++)
		assert_int_equal(waits(&rig, i), 0);
	fails(&rig, A1, NOW);
	assert_int_equal(waits(&rig, A1), 2 * SECOND);
	tear_down(&rig);
}

static void test_who_has_left_is_forgotten(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fails(&rig, A1, NOW);
	outages_leave(rig.o, &rig.members[A1]);
	outages_leave(rig.o, &rig.members[A2]);
	rig.members[A1] = rig.members[A2] = (struct outage_member){0};
	outages_join(rig.o, &rig.members[A1], "a");
	outages_join(rig.o, &rig.members[A2], "a");
	fails(&rig, B1, NOW);
	assert_int_equal(waits(&rig, A1), 0);
	assert_int_equal(waits(&rig, B2), 0);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_fails_waits_alone),
		cmocka_unit_test(
			test_a_namespace_of_which_several_fail_waits_and_is_tried_one_by_one),
		cmocka_unit_test(test_a_success_between_two_failures_tells_them_apart),
		cmocka_unit_test(
			test_all_wait_when_namespaces_fail_but_those_that_did_not_are_tried),
		cmocka_unit_test(test_a_success_ends_the_pause_of_all_and_not_that_of_who_fails),
		cmocka_unit_test(test_nobody_waits_for_a_server_that_is_back),
		cmocka_unit_test(test_who_has_left_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
