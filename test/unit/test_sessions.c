/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/sessions.h"

#include "addresses.h"

enum { SECOND = 1000 * 1000 };

static void test_who_stays_is_as_before_wherever_it_stands(void **state)
{
	struct config_peer before[] = {{.address = addr_of("10.0.0.1")},
		{.address = addr_of("10.0.0.2")}, {.address = addr_of("10.0.0.3")}};
	struct config_peer after[] = {{.address = addr_of("10.0.0.4")},
		{.address = addr_of("10.0.0.3")}, {.address = addr_of("10.0.0.2")}};
	CLEANUP(sessions_freep) struct sessions *s = sessions_new(before, 3);

	(void)state;
	sessions_up(s, &before[0].address, SECOND);
	sessions_up(s, &before[1].address, 2 * SECOND);
	sessions_down(s, &before[2].address, "refused", 3 * SECOND);
	sessions_follow(s, after, 3, 4 * SECOND);
	assert_int_equal(sessions_count(s), 3);
	assert_int_equal(sessions_up_set(s), 4);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(sessions_at(s, i)->config, &after[i]);
	assert_int_equal(sessions_at(s, 2)->since, 2 * SECOND);
	assert_int_equal(sessions_at(s, 2)->n_changes, 1);
	assert_string_equal(sessions_at(s, 1)->last_error, "refused");
	assert_int_equal(sessions_at(s, 0)->n_changes, 0);
	/* The end of one that is no peer any more is not another's. */
	assert_false(sessions_down(s, &before[0].address, "removed", 5 * SECOND));
	sessions_follow(s, NULL, 0, 6 * SECOND);
	assert_int_equal(sessions_count(s), 0);
}

static void test_who_has_a_connection_is_not_lost_for_some_time(void **state)
{
	struct config_peer peers[] = {
		{.address = addr_of("10.0.0.1")}, {.address = addr_of("10.0.0.2")}};
	CLEANUP(sessions_freep) struct sessions *s = sessions_new(peers, 2);

	(void)state;
	assert_int_equal(sessions_lost_set(s, SECOND), 3);
	sessions_called(s, &peers[0].address, 2 * SECOND);
	assert_int_equal(sessions_lost_set(s, SECOND), 2);
	assert_int_equal(sessions_lost_set(s, 2 * SECOND), 3);
	sessions_down(s, &peers[0].address, "refused", 3 * SECOND);
	assert_int_equal(sessions_lost_set(s, SECOND), 3);
	sessions_up(s, &peers[1].address, 3 * SECOND);
	assert_int_equal(sessions_lost_set(s, SECOND), 1);
	sessions_called(s, &peers[0].address, 4 * SECOND);
	sessions_all_down(s, "exabgp ended", 5 * SECOND);
	assert_int_equal(sessions_lost_set(s, SECOND), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_stays_is_as_before_wherever_it_stands),
		cmocka_unit_test(test_who_has_a_connection_is_not_lost_for_some_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
