/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/election.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "election_sim.h"

enum { SEEDS = 60, MSEC = 1000 };

/* A server as they usually are. */
static void start(struct sim *s, uint64_t seed, size_t n)
{
	sim_init(s, seed, n);
	s->request_delay = 40 * MSEC;
	s->watch_delay = 40 * MSEC;
}

static struct sim_process *leader_of(struct sim *s)
{
	const struct sim_process *leader = sim_leader(s);

	assert_non_null(leader);
	return &s->processes[leader - s->processes];
}

static void test_one_alone_leads_at_once_and_for_ever(void **state)
{
	struct sim s;

	(void)state;
	start(&s, 1, 1);
	assert_in_range(sim_until_led(&s), 0, 500);
	sim_run(&s, 100);
	assert_ptr_equal(sim_leader(&s), &s.processes[0]);
	assert_int_equal(s.changes, 1);
	/* A renewal every two seconds. */
	assert_in_range(s.n_versions, 45, 55);
}

static void test_of_several_one_leads_and_the_others_only_look_on(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		assert_in_range(sim_until_led(&s), 0, 3000);
		sim_run(&s, 30);
		assert_int_equal(s.changes, 1);
		assert_int_equal(s.twice, 0);
	}
}

static void test_followers_know_who_leads(void **state)
{
	struct sim s;

	(void)state;
	start(&s, 4, 2);
	assert_string_equal(election_leader(&s.processes[0].election, s.now), "");
	sim_until_led(&s);
	sim_run(&s, 5);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(
			election_leader(&s.processes[i].election, s.now), leader_of(&s)->name);
}

static void test_another_leads_within_15_seconds_of_the_leaders_death(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		sim_until_led(&s);
		sim_run(&s, 7);
		leader_of(&s)->lives = false;
		assert_in_range(sim_until_led(&s), 7000, 12000);
		assert_int_equal(s.twice, 0);
	}
}

static void test_a_process_that_comes_back_with_its_name_leads_on(void **state)
{
	struct sim s;

	(void)state;
	start(&s, 5, 1);
	sim_until_led(&s);
	sim_run(&s, 5);
	sim_start(&s, 0);
	assert_in_range(sim_until_led(&s), 0, 200);
}

static void test_a_leader_that_stops_in_order_is_followed_at_once(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct sim_process *p;

		start(&s, seed, 3);
		sim_until_led(&s);
		sim_run(&s, 4 + (unsigned)seed % 3);
		p = leader_of(&s);
		election_leave(&p->election);
		assert_false(election_leads(&p->election, s.now));
		assert_in_range(sim_until_led(&s), 0, 500);
		assert_true(election_left(&p->election));
		assert_int_equal(s.twice, 0);
	}
}

static void test_a_follower_leaves_without_a_request(void **state)
{
	struct sim s;
	struct sim_process *p;
	size_t n;

	(void)state;
	start(&s, 6, 2);
	sim_until_led(&s);
	sim_run(&s, 1);
	p = &s.processes[leader_of(&s) == &s.processes[0]];
	n = s.n_versions;
	election_leave(&p->election);
	sim_tick(&s);
	assert_true(election_left(&p->election));
	assert_int_equal(s.n_versions, n);
}

static void test_a_leader_stops_7_seconds_after_it_sent_its_last_renewal(void **state)
{
	struct sim s;
	uint64_t sent;

	(void)state;
	start(&s, 7, 1);
	sim_until_led(&s);
	sim_run(&s, 10);
	sent = s.processes[0].election.renewed;
	s.server_away = true;
	while (sim_leader(&s))
		sim_tick(&s);
	assert_in_range(s.now - sent, 7000 * MSEC, 7000 * MSEC + SIM_TICK);
}

static void test_nobody_leads_without_the_server_and_one_does_when_it_is_back(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		sim_until_led(&s);
		sim_run(&s, 3);
		s.server_away = true;
		sim_run(&s, 8 + (unsigned)seed);
		assert_null(sim_leader(&s));
		s.server_away = false;
		assert_in_range(sim_until_led(&s), 0, 6000);
		sim_run(&s, 20);
		assert_non_null(sim_leader(&s));
		assert_int_equal(s.twice, 0);
	}
}

static void test_a_short_failure_of_the_server_changes_nothing(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		sim_until_led(&s);
		sim_run(&s, 5);
		s.server_away = true;
		sim_run(&s, 3);
		s.server_away = false;
		sim_run(&s, 20);
		assert_int_equal(s.changes, 1);
	}
}

/* The Lease is taken from the leader by hand. */
static void test_a_lease_that_was_given_away_is_led_by_its_holder_only(void **state)
{
	struct sim s;

	(void)state;
	start(&s, 8, 2);
	sim_until_led(&s);
	sim_run(&s, 5);
	sim_write(&s, true, "somebody");
	sim_run(&s, 1);
	assert_null(sim_leader(&s));
	assert_string_equal(election_leader(&s.processes[0].election, s.now), "somebody");
	assert_in_range(sim_until_led(&s), 8000, 11000);
}

static void test_a_lease_that_was_deleted_is_made_again_by_the_leader(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		sim_until_led(&s);
		sim_run(&s, 5);
		sim_write(&s, false, "");
		sim_run(&s, 30);
		assert_int_equal(s.changes, 1);
		assert_int_equal(s.twice, 0);
	}
}

/* Everything is late, requests arrive after they were given up, processes die and come back. */
static void wreak_havoc(struct sim *s)
{
	for (unsigned round = 0; round < 12; round++) {
		struct sim_process *p = &s->processes[sim_random(s, SIM_PROCESSES)];

		s->request_delay = sim_random(s, 2) ? 40 * MSEC : sim_random(s, 4000) * MSEC;
		s->watch_delay = sim_random(s, 2) ? 40 * MSEC : sim_random(s, 3000) * MSEC;
		s->server_away = sim_random(s, 4) == 0;
		if (sim_random(s, 3) == 0)
			p->lives = false;
		else if (!p->lives)
			sim_start(s, (size_t)(p - s->processes));
		sim_run(s, (unsigned)sim_random(s, 25));
	}
}

static void test_never_do_two_lead_at_once(void **state)
{
	struct sim s;
	unsigned changes = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		wreak_havoc(&s);
		assert_int_equal(s.twice, 0);
		changes += s.changes;
	}
	assert_true(changes > 2 * SEEDS);
}

static void test_after_any_havoc_somebody_leads(void **state)
{
	struct sim s;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(&s, seed, 3);
		wreak_havoc(&s);
		s.request_delay = s.watch_delay = 40 * MSEC;
		s.server_away = false;
		sim_start(&s, 0);
		assert_in_range(sim_until_led(&s), 0, 18000);
		sim_run(&s, 20);
		assert_non_null(sim_leader(&s));
	}
}

/* One that was stopped (SIGSTOP) while it led knows on waking that it does not lead. */
static void test_a_leader_that_slept_too_long_does_not_lead(void **state)
{
	struct election el;
	const struct lease free_lease = {.resource_version = "1", .holder = ""};
	uint64_t now = SIM_SECOND;
	struct election_step step;

	(void)state;
	election_init(&el, "lb-1", 0);
	election_seen(&el, &free_lease, now);
	election_synced(&el, now);
	step = election_next(&el, now, 0);
	assert_int_equal(step.action, ELECTION_UPDATE);
	assert_string_equal(step.version, "1");
	assert_string_equal(step.holder, "lb-1");
	election_answered(&el, 200, "2", 0, now);
	assert_true(election_leads(&el, now + ELECTION_LEADS - 1));
	assert_false(election_leads(&el, now + ELECTION_LEADS));
}

static void test_an_answer_that_comes_too_late_makes_no_leader(void **state)
{
	struct election el;
	uint64_t now = SIM_SECOND;

	(void)state;
	election_init(&el, "lb-1", 0);
	election_synced(&el, now);
	assert_int_equal(election_next(&el, now, 0).action, ELECTION_CREATE);
	election_answered(&el, 201, "2", 0, now + ELECTION_LEADS);
	assert_false(election_leads(&el, now + ELECTION_LEADS));
}

static void test_a_server_that_asks_for_time_gets_it(void **state)
{
	struct election el;
	uint64_t now = SIM_SECOND;
	struct election_step step;

	(void)state;
	election_init(&el, "lb-1", 0);
	election_synced(&el, now);
	election_next(&el, now, 0);
	election_answered(&el, 429, "", 5ULL * SIM_SECOND, now);
	step = election_next(&el, now, 0);
	assert_int_equal(step.action, ELECTION_WAIT);
	assert_int_equal(step.at, now + 5ULL * SIM_SECOND);
	assert_int_equal(election_next(&el, step.at, 0).action, ELECTION_CREATE);
}

static void test_nothing_is_taken_before_it_is_known_what_there_is(void **state)
{
	struct election el;

	(void)state;
	election_init(&el, "lb-1", 0);
	assert_int_equal(election_next(&el, SIM_SECOND, 0).action, ELECTION_WAIT);
	assert_int_equal(election_next(&el, SIM_SECOND * 100ULL, 0).at, UINT64_MAX);
}

static void test_only_a_new_holder_counts_as_a_transition(void **state)
{
	struct election el;
	const struct lease theirs = {
		.resource_version = "1", .holder = "lb-2", .transitions = 4, .acquired = 7};
	uint64_t now = SIM_SECOND;
	struct election_step step;

	(void)state;
	election_init(&el, "lb-1", 0);
	election_seen(&el, &theirs, now);
	election_synced(&el, now);
	now += ELECTION_DURATION;
	step = election_next(&el, now, 99);
	assert_int_equal(step.transitions, 5);
	assert_int_equal(step.acquired, 99);
	election_answered(&el, 200, "2", 0, now);
	now += ELECTION_RENEW;
	step = election_next(&el, now, 101);
	assert_int_equal(step.transitions, 5);
	assert_int_equal(step.acquired, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_alone_leads_at_once_and_for_ever),
		cmocka_unit_test(test_of_several_one_leads_and_the_others_only_look_on),
		cmocka_unit_test(test_followers_know_who_leads),
		cmocka_unit_test(test_another_leads_within_15_seconds_of_the_leaders_death),
		cmocka_unit_test(test_a_process_that_comes_back_with_its_name_leads_on),
		cmocka_unit_test(test_a_leader_that_stops_in_order_is_followed_at_once),
		cmocka_unit_test(test_a_follower_leaves_without_a_request),
		cmocka_unit_test(test_a_leader_stops_7_seconds_after_it_sent_its_last_renewal),
		cmocka_unit_test(test_nobody_leads_without_the_server_and_one_does_when_it_is_back),
		cmocka_unit_test(test_a_short_failure_of_the_server_changes_nothing),
		cmocka_unit_test(test_a_lease_that_was_given_away_is_led_by_its_holder_only),
		cmocka_unit_test(test_a_lease_that_was_deleted_is_made_again_by_the_leader),
		cmocka_unit_test(test_never_do_two_lead_at_once),
		cmocka_unit_test(test_after_any_havoc_somebody_leads),
		cmocka_unit_test(test_a_leader_that_slept_too_long_does_not_lead),
		cmocka_unit_test(test_an_answer_that_comes_too_late_makes_no_leader),
		cmocka_unit_test(test_a_server_that_asks_for_time_gets_it),
		cmocka_unit_test(test_nothing_is_taken_before_it_is_known_what_there_is),
		cmocka_unit_test(test_only_a_new_holder_counts_as_a_transition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
