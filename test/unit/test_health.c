/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/health.h"

#include "addresses.h"

static void set(
	struct health *h, const char *place, const char *addr, uint16_t port, uint64_t until)
{
	const struct place at = place_of(place);
	const struct ipaddr real = addr_of(addr);

	health_set_down(h, &at, &real, port, until);
}

static bool is_down(const struct health *h, const char *place, const char *addr, uint16_t port)
{
	const struct place at = place_of(place);
	const struct ipaddr real = addr_of(addr);

	return health_is_down(h, &at, &real, port);
}

static int make(void **state)
{
	*state = health_new();
	return 0;
}

static int drop(void **state)
{
	health_free(*state);
	return 0;
}

static void all_are_up_at_first(void **state)
{
	assert_false(is_down(*state, "10.1.1.1 port 80/tcp", "172.16.0.1", 8080));
	assert_int_equal(health_n_down(*state), 0);
	assert_true(health_due(*state) == HEALTH_NEVER);
}

static void who_is_down_is_down_there_alone(void **state)
{
	struct health *h = *state;

	set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 8080, HEALTH_NEVER);
	assert_true(is_down(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 8080));
	assert_false(is_down(h, "10.1.1.1 port 80/udp", "172.16.0.1", 8080));
	assert_false(is_down(h, "10.1.1.1 port 81/tcp", "172.16.0.1", 8080));
	assert_false(is_down(h, "10.1.1.2 port 80/tcp", "172.16.0.1", 8080));
	assert_false(is_down(h, "10.1.1.1 port 80/tcp", "172.16.0.2", 8080));
	assert_false(is_down(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 8081));
}

static void down_twice_is_up_at_once(void **state)
{
	const struct place at = place_of("2001:db8::1 port 80/tcp");
	const struct ipaddr real = addr_of("fd00::1");
	struct health *h = *state;

	health_set_down(h, &at, &real, 80, 5);
	health_set_down(h, &at, &real, 80, HEALTH_NEVER);
	assert_int_equal(health_n_down(h), 1);
	assert_true(health_due(h) == HEALTH_NEVER);
	health_set_up(h, &at, &real, 80);
	health_set_up(h, &at, &real, 80);
	assert_int_equal(health_n_down(h), 0);
	assert_false(health_is_down(h, &at, &real, 80));
}

static void the_earliest_is_due(void **state)
{
	struct health *h = *state;

	set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 1, HEALTH_NEVER);
	set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 2, 70);
	set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 3, 50);
	set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 4, 60);
	assert_int_equal(health_due(h), 50);
}

/* Keeps even ports, until when their number says. */
static bool keep_even(void *ud, struct health_entry *entry)
{
	*(unsigned *)ud += 1;
	entry->until = entry->port;
	return entry->port % 2 == 0;
}

static void a_sieve_sees_all_and_keeps_some(void **state)
{
	struct health *h = *state;
	unsigned n_seen = 0;

	for (uint16_t port = 1; port <= 100; port++)
		set(h, "10.1.1.1 port 80/tcp", "172.16.0.1", port, HEALTH_NEVER);
	health_sift(h, keep_even, &n_seen);
	assert_int_equal(n_seen, 100);
	assert_int_equal(health_n_down(h), 50);
	assert_int_equal(health_due(h), 2);
	assert_false(is_down(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 1));
	assert_true(is_down(h, "10.1.1.1 port 80/tcp", "172.16.0.1", 100));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_up_at_first),
		TEST(who_is_down_is_down_there_alone),
		TEST(down_twice_is_up_at_once),
		TEST(the_earliest_is_due),
		TEST(a_sieve_sees_all_and_keeps_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
