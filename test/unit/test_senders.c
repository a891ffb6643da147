/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/senders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { SEC = 1000 * 1000 };

static bool see(struct senders *s, const char *lease, const char *ips, uint64_t now)
{
	const struct lease l = {.name = lease, .pod_ips = ips, .duration = 40 * SEC};
	struct err e = {0};

	return senders_seen(s, &l, now, &e);
}

static void expect(const struct senders *s, size_t wanted)
{
	size_t n;
	CLEANUP_FREE struct ipnet *list = senders_list(s, NULL, 0, &n);

	assert_non_null(list);
	assert_int_equal(n, wanted);
}

/* Renewals of somebody else, every ten seconds. */
static uint64_t live_on(struct senders *s, uint64_t from, uint64_t seconds)
{
	for (uint64_t t = 0; t < seconds; t += 10)
		see(s, "kago-a.other", "", from + t * SEC);
	return from + seconds * SEC;
}

static void test_addresses_of_both_families(void **state)
{
	CLEANUP(senders_freep) struct senders *s = senders_new();
	const struct ipnet more = {{.family = AF_INET, .bytes = {10, 0, 0, 0}}, 8};
	char text[IPNET_TEXT];
	struct ipnet *list;
	size_t n;

	(void)state;
	assert_true(see(s, "kago-a.lb-1", "172.16.1.2,fd00::2", 1));
	assert_false(see(s, "kago-a.lb-1", "172.16.1.2,fd00::2", 2));
	list = senders_list(s, &more, 1, &n);
	assert_int_equal(n, 3);
	assert_string_equal(ipnet_format(text, &list[0]), "172.16.1.2/32");
	assert_string_equal(ipnet_format(text, &list[1]), "fd00::2/128");
	assert_string_equal(ipnet_format(text, &list[2]), "10.0.0.0/8");
	free(list);
}

static void test_what_is_no_address_admits_nobody(void **state)
{
	static const char *const wrong[] = {"x", "0.0.0.0/0", "127.0.0.1", "10.0.0.1,",
		"10.0.0.1,10.0.0.2,10.0.0.3", "0.0.0.0"};
	CLEANUP(senders_freep) struct senders *s = senders_new();

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const struct lease l = {.name = "kago-a.lb-1", .pod_ips = wrong[i]};
		struct err e = {0};

		assert_false(senders_seen(s, &l, 1, &e));
		assert_int_equal(strncmp(e.msg, "kago.dev/pod-ips: ", 18), 0);
		expect(s, 0);
	}
}

static void test_who_stops_forwards_on_for_a_while(void **state)
{
	CLEANUP(senders_freep) struct senders *s = senders_new();
	uint64_t now = SEC;

	(void)state;
	see(s, "kago-a.lb-1", "172.16.1.2", now);
	assert_false(senders_gone(s, "kago-a.lb-1", now));
	now = live_on(s, now, 50);
	expect(s, 1);
	live_on(s, now, 30);
	expect(s, 0);
}

static void test_the_dead_are_let_in_no_more(void **state)
{
	CLEANUP(senders_freep) struct senders *s = senders_new();
	uint64_t now = SEC;

	(void)state;
	see(s, "kago-a.lb-1", "172.16.1.2", now);
	now = live_on(s, now, 90);
	expect(s, 1);
	live_on(s, now, 30);
	expect(s, 0);
}

static void test_nobody_is_judged_while_nothing_is_heard(void **state)
{
	CLEANUP(senders_freep) struct senders *s = senders_new();

	(void)state;
	see(s, "kago-a.lb-1", "172.16.1.2", SEC);
	assert_false(senders_heard(s, (uint64_t)3600 * SEC));
	expect(s, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_of_both_families),
		cmocka_unit_test(test_what_is_no_address_admits_nobody),
		cmocka_unit_test(test_who_stops_forwards_on_for_a_while),
		cmocka_unit_test(test_the_dead_are_let_in_no_more),
		cmocka_unit_test(test_nobody_is_judged_while_nothing_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
