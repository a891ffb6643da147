/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/members.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000 * 1000 };

static uint64_t version;
static const char *announced_on = ""; /* where what is renewed announces */

/* A renewal at `seconds`, and what it announces. */
static bool renew(struct members *ms, const char *pod, const char *announces, unsigned seconds)
{
	char text[32];
	struct lease l = {.name = pod,
		.ns = "kago",
		.uid = "u",
		.resource_version = text,
		.announces = announces,
		.announced_on = announced_on,
		.pod_ips = "",
		.node_ips = "",
		.holder = pod,
		.duration = MEMBERS_DURATION};
	struct err e = {0};
	bool changed, lives;

	snprintf(text, sizeof text, "%" PRIu64, ++version);
	changed = members_announce(ms, pod, &l, (uint64_t)seconds * SECOND, &e);
	lives = members_seen(ms, pod, &l, (uint64_t)seconds * SECOND, &e);
	assert_int_equal(e.code, 0);
	return changed || lives;
}

/* Those that announce these addresses, with a blank between them. */
static const char *announcers(
	const struct members *ms, const char *const vips[], char ret_buf[static 256])
{
	struct ipaddr addrs[4];
	struct err e = {0};
	const char **names;
	size_t n = 0, len = 0;

	for (; vips[n]; n++)
		assert_int_equal(ipaddr_parse(&addrs[n], vips[n], &e), 0);
	names = members_announcers(ms, addrs, n, &n);
	ret_buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
			ret_buf + len, 256 - len, "%s%s", i > 0 ? " " : "", names[i]);
	free(names);
	return ret_buf;
}

#define assert_announcers(ms, expected, ...)                                                       \
	do {                                                                                       \
		char buf_[256];                                                                    \
		assert_string_equal(                                                               \
			announcers(ms, (const char *const[]){__VA_ARGS__, NULL}, buf_), expected); \
	} while (0)

static void test_announcers_announce_all_of_the_addresses(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();

	(void)state;
	renew(ms, "lb-2", "10.0.0.1,10.0.0.3", 1);
	renew(ms, "lb-1", "10.0.0.1-10.0.0.9", 1);
	renew(ms, "lb-3", "", 1);
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1");
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1", "10.0.0.3");
	assert_announcers(ms, "lb-1", "10.0.0.1", "10.0.0.2");
	assert_announcers(ms, "", "10.0.0.10");
}

/* As on layer 2, where each address is at one load balancer. */
static void test_announcers_may_announce_all_together(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();

	(void)state;
	renew(ms, "lb-1", "10.0.0.1", 1);
	renew(ms, "lb-2", "10.0.0.2", 1);
	renew(ms, "lb-3", "10.0.0.9", 1);
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1", "10.0.0.2");
	assert_announcers(ms, "", "10.0.0.1", "10.0.0.3");
}

static void test_where_one_announces_is_told(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();

	(void)state;
	renew(ms, "lb-1", "10.0.0.1", 1);
	announced_on = "node2 eth0";
	assert_true(renew(ms, "lb-1", "10.0.0.1", 2));
	assert_false(renew(ms, "lb-1", "10.0.0.1", 3));
	assert_announcers(ms, "lb-1 (node2 eth0)", "10.0.0.1");
	/* Whoever may write Leases does not write messages. */
	announced_on = "node2\neth0";
	assert_true(renew(ms, "lb-1", "10.0.0.1", 4));
	assert_announcers(ms, "lb-1", "10.0.0.1");
	announced_on = "";
}

static void test_only_news_are_changes(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();

	(void)state;
	assert_true(renew(ms, "lb-1", "10.0.0.1", 1));
	assert_false(renew(ms, "lb-1", "10.0.0.1", 11));
	assert_true(renew(ms, "lb-1", "10.0.0.2", 21));
	assert_true(renew(ms, "lb-2", "", 22));
	assert_false(members_gone(ms, "lb-3", SECOND * 23ULL));
	assert_true(members_gone(ms, "lb-2", SECOND * 23ULL));
	assert_announcers(ms, "lb-1", "10.0.0.2");
}

static void test_one_that_is_not_renewed_dies_after_40_seconds(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	unsigned at = 1;

	(void)state;
	renew(ms, "lb-1", "10.0.0.1", at);
	renew(ms, "lb-2", "10.0.0.1", at);
	for (at = 11; at < 41; at += 10)
		assert_false(renew(ms, "lb-1", "10.0.0.1", at));
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1");
	assert_true(renew(ms, "lb-1", "10.0.0.1", 41));
	assert_announcers(ms, "lb-1", "10.0.0.1");
	assert_true(renew(ms, "lb-2", "10.0.0.1", 42));
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1");
}

static void test_nobody_dies_while_nothing_can_be_heard(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();

	(void)state;
	renew(ms, "lb-1", "10.0.0.1", 1);
	renew(ms, "lb-2", "10.0.0.1", 1);
	assert_false(members_heard(ms, SECOND * 1000ULL));
	assert_false(renew(ms, "lb-1", "10.0.0.1", 1001));
	assert_announcers(ms, "lb-1 lb-2", "10.0.0.1");
	assert_false(renew(ms, "lb-1", "10.0.0.1", 1011));
	assert_true(renew(ms, "lb-1", "10.0.0.1", 1026));
	assert_announcers(ms, "lb-1", "10.0.0.1");
}

static void test_being_listed_again_is_no_renewal(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	const struct lease l = {.uid = "u",
		.resource_version = "x",
		.announces = "10.0.0.1",
		.announced_on = "",
		.pod_ips = "",
		.node_ips = "",
		.holder = "lb-1",
		.duration = MEMBERS_DURATION};
	struct err e = {0};
	bool changed = false;

	(void)state;
	members_announce(ms, "lb-1", &l, SECOND, &e);
	assert_true(members_seen(ms, "lb-1", &l, SECOND, &e));
	for (unsigned at = 11; at <= 41; at += 10) {
		assert_false(changed);
		changed = members_seen(ms, "lb-1", &l, (uint64_t)at * SECOND, &e);
	}
	assert_true(changed);
	assert_announcers(ms, "", "10.0.0.1");
}

static void test_an_unreadable_list_is_told_and_announces_nothing(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	const struct lease l = {.uid = "u",
		.resource_version = "x",
		.announces = "10.0.0.0/24",
		.announced_on = ""};
	struct err e = {0};

	(void)state;
	renew(ms, "lb-1", "10.0.0.1", 1);
	assert_true(members_announce(ms, "lb-1", &l, 2ULL * SECOND, &e));
	assert_string_equal(e.msg, "annotation kago.dev/announces of the Lease of lb-1: "
				   "'10.0.0.0/24' is not an IP address");
	assert_announcers(ms, "", "10.0.0.1");
}

static void test_who_is_dead_for_an_hour_is_garbage(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	struct members_garbage garbage;
	unsigned at = 10;

	(void)state;
	renew(ms, "lb-2", "", 10);
	for (; at < 10 + 40 + 3600; at += 10) {
		renew(ms, "lb-1", "", at);
		assert_false(members_garbage(ms, &garbage));
	}
	renew(ms, "lb-1", "", at);
	assert_true(members_garbage(ms, &garbage));
	assert_string_equal(garbage.pod, "lb-2");
	assert_string_equal(garbage.uid, "u");
	assert_true(garbage.is_announcement);
	members_silent(ms, "lb-2", (uint64_t)at * SECOND);
	assert_true(members_garbage(ms, &garbage));
	assert_string_equal(garbage.pod, "lb-2");
	assert_false(garbage.is_announcement);
	members_gone(ms, "lb-2", (uint64_t)at * SECOND);
	assert_false(members_garbage(ms, &garbage));
}

static void test_who_does_not_live_announces_nothing(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	const struct lease l = {.uid = "u",
		.resource_version = "7",
		.announces = "10.0.0.1",
		.announced_on = "",
		.pod_ips = "",
		.node_ips = ""};
	struct members_garbage garbage;
	struct err e = {0};
	uint64_t now = SECOND;

	(void)state;
	assert_false(members_announce(ms, "lb-1", &l, now, &e));
	assert_announcers(ms, "", "10.0.0.1");
	assert_true(members_seen(ms, "lb-1", &l, now, &e));
	assert_announcers(ms, "lb-1", "10.0.0.1");
	assert_true(members_gone(ms, "lb-1", now));
	assert_announcers(ms, "", "10.0.0.1");
	/* What is left of it goes like all that is left of the dead. */
	for (; now < MEMBERS_GARBAGE + 45 * SECOND; now += 10 * SECOND)
		members_heard(ms, now);
	assert_true(members_garbage(ms, &garbage));
	assert_true(garbage.is_announcement);
	assert_false(members_silent(ms, "lb-1", now));
	assert_false(members_garbage(ms, &garbage));
}

/* A renewal of a load balancer that says these addresses. */
static void place(struct members *ms, const char *pod, const char *pod_ips, const char *node_ips,
	struct err *e)
{
	char text[32];
	const struct lease l = {.uid = "u",
		.resource_version = text,
		.announces = "",
		.announced_on = "",
		.pod_ips = pod_ips,
		.node_ips = node_ips};

	snprintf(text, sizeof text, "%" PRIu64, ++version);
	members_seen(ms, pod, &l, SECOND, e);
}

static void expect_addresses(struct members *ms, bool moved, const char *expected)
{
	char text[256] = "", addr[IPADDR_TEXT];
	size_t n, len = 0;
	CLEANUP_FREE struct member_address *list = members_addresses(ms, &n);

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s", i ? " " : "",
			ipaddr_format(addr, &list[i].addr), list[i].is_node ? " (node)" : "");
	assert_string_equal(text, expected);
	assert_int_equal(members_moved(ms), moved);
	assert_false(members_moved(ms));
}

static void test_addresses_are_kept_of_the_living_and_of_nodes(void **state)
{
	CLEANUP(members_freep) struct members *ms = members_new();
	struct err e = {0};

	(void)state;
	expect_addresses(ms, false, "");
	place(ms, "lb-2", "172.16.0.2,fd00::2", "10.9.0.1", &e);
	place(ms, "lb-1", "172.16.0.1", "10.9.0.1", &e);
	expect_addresses(ms, true, "10.9.0.1 (node) 172.16.0.1 172.16.0.2 fd00::2");
	place(ms, "lb-1", "172.16.0.1", "10.9.0.1", &e);
	expect_addresses(ms, false, "10.9.0.1 (node) 172.16.0.1 172.16.0.2 fd00::2");
	place(ms, "lb-1", "172.16.0.3", "10.9.0.1", &e);
	expect_addresses(ms, true, "10.9.0.1 (node) 172.16.0.2 172.16.0.3 fd00::2");
	/* Dead, but nobody has taken the Leases away: other pods may get the addresses. */
	for (unsigned at = 11; at <= 61; at += 10)
		renew(ms, "lb-3", "", at);
	assert_announcers(ms, "lb-3", NULL);
	expect_addresses(ms, true, "10.9.0.1 (node)");
	place(ms, "lb-1", "172.16.0.3", "10.9.0.1", &e);
	expect_addresses(ms, true, "10.9.0.1 (node) 172.16.0.3");
	members_gone(ms, "lb-2", 62ULL * SECOND);
	expect_addresses(ms, true, "10.9.0.1 (node) 172.16.0.3");
	members_gone(ms, "lb-1", 62ULL * SECOND);
	expect_addresses(ms, true, "");
	assert_int_equal(e.code, 0);
}

static void test_unreadable_addresses_are_told_once_and_are_none(void **state)
{
	static const char *const wrong[] = {
		"", "10.9.0.0/24", "10.9.0.1,10.9.0.2,10.9.0.3", "127.0.0.1", "10.9.0.1,"};
	CLEANUP(members_freep) struct members *ms = members_new();
	struct err e = {0};

	(void)state;
	place(ms, "lb-1", "172.16.0.1", "10.9.0.1", &e);
	expect_addresses(ms, true, "10.9.0.1 (node) 172.16.0.1");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		e = (struct err){0};
		place(ms, "lb-1", "172.16.0.1", wrong[i], &e);
		assert_int_equal(e.code, i ? EINVAL : 0);
		expect_addresses(ms, i == 0, "172.16.0.1");
	}
	assert_string_equal(e.msg,
		"annotation kago.dev/node-ips of the Lease of lb-1: '' is not an IP address");
	e = (struct err){0};
	place(ms, "lb-1", "172.16.0.1", wrong[4], &e);
	assert_int_equal(e.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_announcers_announce_all_of_the_addresses),
		cmocka_unit_test(test_announcers_may_announce_all_together),
		cmocka_unit_test(test_where_one_announces_is_told),
		cmocka_unit_test(test_only_news_are_changes),
		cmocka_unit_test(test_one_that_is_not_renewed_dies_after_40_seconds),
		cmocka_unit_test(test_nobody_dies_while_nothing_can_be_heard),
		cmocka_unit_test(test_being_listed_again_is_no_renewal),
		cmocka_unit_test(test_an_unreadable_list_is_told_and_announces_nothing),
		cmocka_unit_test(test_who_is_dead_for_an_hour_is_garbage),
		cmocka_unit_test(test_who_does_not_live_announces_nothing),
		cmocka_unit_test(test_addresses_are_kept_of_the_living_and_of_nodes),
		cmocka_unit_test(test_unreadable_addresses_are_told_once_and_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
