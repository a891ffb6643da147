/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/agents.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ALL "ipip ip6ip6 gue gue6"

enum { SECOND = 1000 * 1000, ANY = 1000 };

static uint64_t version;

static bool see_at(struct agents *a, const char *node, const char *tunnels, const char *addresses,
	uint64_t seconds, struct err *e)
{
	char text[32], name[64];
	const struct lease l = {.uid = "u",
		.resource_version = text,
		.tunnels = tunnels,
		.node = node,
		.node_ips = addresses,
		.duration = AGENTS_DURATION};

	snprintf(text, sizeof text, "%" PRIu64, version);
	snprintf(name, sizeof name, "tunnels.kago-a.%s", node);
	return agents_seen(a, name, &l, seconds * SECOND, e);
}

static bool see(struct agents *a, const char *node, const char *tunnels, uint64_t seconds)
{
	struct err e = {0};

	return see_at(a, node, tunnels, "", seconds, &e);
}

static bool renew(struct agents *a, const char *node, const char *tunnels, uint64_t seconds)
{
	version++;
	return see(a, node, tunnels, seconds);
}

/* As the leader's list after `published`. */
static void assert_list(
	struct agents *a, const char *published, const char *expected, const char *addresses)
{
	CLEANUP(tunnel_set_done) struct tunnel_set before = {0}, now = {0};
	CLEANUP_FREE char *text = NULL, *own = NULL;
	struct err e = {0};
	struct agents_left left;

	assert_int_equal(tunnel_set_parse(&before, published, "", ANY, &e), 0);
	agents_nodes(&now, &left, a, &before, ANY);
	text = tunnel_set_format(&now);
	own = tunnel_set_format_own(&now);
	assert_string_equal(text, expected);
	assert_string_equal(own, addresses);
	assert_int_equal(left.out, 0);
}

static void assert_nodes(struct agents *a, const char *published, const char *expected)
{
	assert_list(a, published, expected, "");
}

/* A Lease may be one that somebody left long ago. */
static void a_node_comes_when_its_lease_was_renewed(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	renew(a, "n-1", ALL, 1);
	assert_nodes(a, "", "");
	see(a, "n-1", ALL, 5);
	assert_nodes(a, "", "");
	renew(a, "n-1", ALL, 11);
	renew(a, "n-0", "ipip gue", 11);
	renew(a, "n-0", "gue ipip", 12);
	assert_nodes(a, "", "n-0=ipip,gue n-1");
}

/* A new leader does not know when they were renewed; they are not taken off for that. */
static void who_is_published_stays_until_seen_dead(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	renew(a, "n-1", ALL, 1);
	assert_nodes(a, "n-1 n-2", "n-1");
	for (uint64_t t = 11; t <= 31; t += 10)
		agents_heard(a, t * SECOND);
	assert_nodes(a, "n-1", "n-1");
	agents_heard(a, (uint64_t)41 * SECOND);
	assert_nodes(a, "n-1", "");
}

static void silence_of_the_server_is_nobodys_death(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	renew(a, "n-1", ALL, 1);
	renew(a, "n-1", ALL, 11);
	agents_heard(a, (uint64_t)10000 * SECOND);
	assert_nodes(a, "n-1", "n-1");
	agents_heard(a, (uint64_t)10015 * SECOND);
	agents_heard(a, (uint64_t)10030 * SECOND);
	assert_nodes(a, "n-1", "");
	/* It is there again, and has to show that it goes on. */
	renew(a, "n-1", ALL, 10031);
	renew(a, "n-1", ALL, 10041);
	assert_nodes(a, "", "n-1");
	/* It may die once more, though nobody was left whose death was to come. */
	for (uint64_t t = 10051; t <= 10081; t += 10)
		agents_heard(a, t * SECOND);
	assert_nodes(a, "n-1", "");
}

static void who_takes_none_or_is_gone_goes_at_once(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	for (uint64_t t = 1; t < 3; t++) {
		renew(a, "n-1", ALL, t);
		renew(a, "n-2", ALL, t);
	}
	assert_nodes(a, "n-1 n-2", "n-1 n-2");
	renew(a, "n-1", "ipips", 3);
	assert_nodes(a, "n-1 n-2", "n-2");
	agents_gone(a, "tunnels.kago-a.n-2", (uint64_t)4 * SECOND);
	assert_nodes(a, "n-1 n-2", "");
}

static void what_is_no_name_is_none(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	for (uint64_t t = 1; t < 3; t++) {
		renew(a, "", ALL, t);
		renew(a, "a b", ALL, t);
		renew(a, "c", ALL, t);
	}
	assert_nodes(a, "", "c");
}

static void the_last_are_left_out_where_not_all_fit(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();
	static const struct tunnel_set none;
	struct tunnel_set now;
	struct agents_left left;

	(void)state;
	for (uint64_t t = 1; t < 3; t++) {
		renew(a, "aa", ALL, t);
		renew(a, "bb", ALL, t);
		renew(a, "cc", ALL, t);
	}
	agents_nodes(&now, &left, a, &none, 5);
	assert_int_equal(now.nodes.n_items, 2);
	assert_int_equal(left.out, 1);
	tunnel_set_done(&now);
	agents_nodes(&now, &left, a, &none, 1);
	assert_int_equal(now.nodes.n_items, 0);
	assert_int_equal(left.out, 3);
	tunnel_set_done(&now);
}

static void addresses_come_and_go_with_their_nodes(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();
	struct err e = {0};

	(void)state;
	for (uint64_t t = 1; t < 3; t++) {
		version++;
		see_at(a, "n-1", ALL, "10.0.0.1,fd00::1", t, &e);
		see_at(a, "n-2", ALL, "10.0.0.2", t, &e);
		/* As of an older version. */
		see_at(a, "n-3", ALL, "", t, &e);
		see_at(a, "n-4", "", "10.0.0.4", t, &e);
	}
	assert_list(a, "", "n-1 n-2 n-3", "10.0.0.1-10.0.0.2,fd00::1");
	version++;
	assert_false(see_at(a, "n-1", ALL, "10.0.0.1,fd00::1", 3, &e));
	version++;
	assert_true(see_at(a, "n-1", ALL, "10.0.0.9,fd00::1", 4, &e));
	assert_list(a, "n-1 n-2 n-3", "n-1 n-2 n-3", "10.0.0.2,10.0.0.9,fd00::1");
	agents_gone(a, "tunnels.kago-a.n-2", (uint64_t)5 * SECOND);
	assert_list(a, "n-1 n-3", "n-1 n-3", "10.0.0.9,fd00::1");
	assert_int_equal(e.code, 0);
}

/* The node takes tunnels all the same, as with an agent that does not say. */
static void addresses_that_cannot_be_read_are_told_once(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();
	struct err e = {0};

	(void)state;
	version++;
	see_at(a, "n-1", ALL, "10.0.0.1", 1, &e);
	version++;
	assert_true(see_at(a, "n-1", ALL, "node-1", 2, &e));
	assert_string_equal(e.msg, "annotation kago.dev/node-ips: 'node-1' is not an IP address");
	assert_list(a, "", "n-1", "");
	e = (struct err){0};
	version++;
	assert_false(see_at(a, "n-1", ALL, "node-1", 3, &e));
	assert_int_equal(e.code, 0);
}

static void renew_all(struct agents *a, unsigned n, uint64_t seconds)
{
	char node[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(node, sizeof node, "n-%u", i);
		renew(a, node, ALL, seconds + i);
	}
}

static void hear(struct agents *a, uint64_t from, uint64_t to)
{
	for (uint64_t t = from; t <= to; t += 2)
		agents_heard(a, t * SECOND);
}

/* Their token, say, is void: the nodes' kernels go on. */
static void agents_that_are_silent_together_stay(void **state)
{
	static const char all[] = "n-0 n-1 n-2 n-3 n-4";
	CLEANUP(agents_freep) struct agents *a = agents_new();
	struct agents_garbage garbage;

	(void)state;
	renew_all(a, 5, 1);
	renew_all(a, 5, 11);
	hear(a, 16, 52);
	/* The first is void, the others will be. */
	assert_nodes(a, all, all);
	hear(a, 54, 10000);
	assert_nodes(a, all, all);
	assert_false(agents_garbage(a, &garbage));
	/* Who says so, or is gone, goes all the same. */
	renew(a, "n-3", "", 10001);
	agents_gone(a, "tunnels.kago-a.n-4", (uint64_t)10002 * SECOND);
	assert_nodes(a, all, "n-0 n-1 n-2");
	/* They come back one after the other; who does not is swept. */
	renew(a, "n-0", ALL, 10003);
	assert_nodes(a, "n-0 n-1 n-2", "n-0 n-1 n-2");
	renew(a, "n-1", ALL, 10004);
	assert_nodes(a, "n-0 n-1 n-2", "n-0 n-1 n-2");
	assert_true(agents_garbage(a, &garbage));
	assert_string_equal(garbage.lease, "tunnels.kago-a.n-2");
}

static void who_is_silent_for_a_week_is_swept(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();
	struct agents_garbage garbage;

	(void)state;
	renew_all(a, 3, 1);
	renew_all(a, 3, 11);
	hear(a, 16, 4000);
	assert_nodes(a, "n-0 n-1 n-2", "n-0 n-1 n-2");
	assert_false(agents_garbage(a, &garbage));
	for (uint64_t t = 4010; t < 7 * 24 * 3600 + 100; t += 10)
		agents_heard(a, t * SECOND);
	assert_true(agents_garbage(a, &garbage));
}

static void a_few_that_are_dead_go(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	renew_all(a, 8, 1);
	renew_all(a, 8, 11);
	for (uint64_t t = 21; t <= 71; t += 10)
		renew_all(a, 4, t);
	/* Half of them. */
	assert_nodes(a, "n-0 n-1 n-2 n-3 n-4 n-5 n-6 n-7", "n-0 n-1 n-2 n-3");
	/* Of two nobody can say. */
	hear(a, 76, 130);
	assert_nodes(a, "n-0 n-1", "");
}

/* Thousands of nodes renew all the time. */
static void a_renewal_is_no_news(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();

	(void)state;
	assert_true(renew(a, "n-1", ALL, 1));
	assert_true(renew(a, "n-1", ALL, 11));
	assert_false(renew(a, "n-1", ALL, 21));
	assert_false(see(a, "n-1", ALL, 22));
	assert_false(agents_heard(a, (uint64_t)31 * SECOND));
	assert_true(renew(a, "n-1", "", 32));
	assert_false(renew(a, "n-1", "", 42));
	for (uint64_t t = 52; t < 82; t += 10)
		assert_false(agents_heard(a, t * SECOND));
	assert_true(agents_heard(a, (uint64_t)82 * SECOND));
	assert_false(agents_gone(a, "tunnels.kago-a.n-2", (uint64_t)83 * SECOND));
	assert_true(agents_gone(a, "tunnels.kago-a.n-1", (uint64_t)83 * SECOND));
}

static void the_long_dead_are_garbage(void **state)
{
	CLEANUP(agents_freep) struct agents *a = agents_new();
	struct agents_garbage garbage;

	(void)state;
	renew(a, "n-1", ALL, 1);
	for (uint64_t t = 10; t < 3640; t += 10)
		agents_heard(a, t * SECOND);
	assert_false(agents_garbage(a, &garbage));
	agents_heard(a, (uint64_t)3641 * SECOND);
	assert_true(agents_garbage(a, &garbage));
	assert_string_equal(garbage.lease, "tunnels.kago-a.n-1");
	assert_string_equal(garbage.uid, "u");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_comes_when_its_lease_was_renewed),
		cmocka_unit_test(who_is_published_stays_until_seen_dead),
		cmocka_unit_test(silence_of_the_server_is_nobodys_death),
		cmocka_unit_test(who_takes_none_or_is_gone_goes_at_once),
		cmocka_unit_test(what_is_no_name_is_none),
		cmocka_unit_test(the_last_are_left_out_where_not_all_fit),
		cmocka_unit_test(addresses_come_and_go_with_their_nodes),
		cmocka_unit_test(addresses_that_cannot_be_read_are_told_once),
		cmocka_unit_test(agents_that_are_silent_together_stay),
		cmocka_unit_test(who_is_silent_for_a_week_is_swept),
		cmocka_unit_test(a_few_that_are_dead_go),
		cmocka_unit_test(a_renewal_is_no_news),
		cmocka_unit_test(the_long_dead_are_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
