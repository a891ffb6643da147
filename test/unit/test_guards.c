/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/guards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "clients/nft.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	if (ipaddr_parse(&a, text, &e) < 0)
		fail_msg("%s", e.msg);
	return a;
}

static struct ipnet net(const char *text)
{
	struct ipnet n;
	struct err e = {0};

	if (ipnet_parse(&n, text, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

static struct virtual_server server(
	const char *vip, uint16_t protocol, uint16_t port, struct ipnet *sources, size_t n)
{
	return (struct virtual_server){.vip = addr(vip),
		.protocol = protocol,
		.port = port,
		.restricted = true,
		.sources = sources,
		.n_sources = n};
}

static struct guards guards_of_one(const struct virtual_server *vs)
{
	return guards_of(&vs, 1);
}

static void test_only_restricted_virtual_servers_are_guarded(void **state)
{
	struct ipnet some[] = {net("10.0.0.0/8")};
	struct virtual_server open = server("10.1.1.1", IPPROTO_TCP, 80, NULL, 0);
	struct virtual_server shut = server("10.1.1.2", IPPROTO_TCP, 80, some, 1);
	const struct virtual_server *all[] = {&open, &shut};
	CLEANUP(guards_donep) struct guards g = {0};

	(void)state;
	open.restricted = false;
	g = guards_of(all, 2);
	some[0] = net("0.0.0.0/0"); /* guards live longer than the fleet */
	assert_int_equal(g.n_items, 1);
	assert_true(ipaddr_equal(&g.items[0].vip, &shut.vip));
	assert_int_equal(g.items[0].sources[0].len, 8);
}

static void test_what_is_gone_stays_guarded_and_what_is_there_is_as_it_says(void **state)
{
	struct ipnet some[] = {net("10.0.0.0/8")}, other[] = {net("10.9.0.0/16")};
	struct virtual_server gone = server("10.1.1.9", IPPROTO_TCP, 80, some, 1);
	struct virtual_server open = server("10.1.1.5", IPPROTO_TCP, 80, some, 1);
	struct virtual_server shut = server("10.1.1.7", IPPROTO_UDP, 80, some, 1);
	const struct virtual_server *before[] = {&open, &shut, &gone}, *after[] = {&open, &shut};
	CLEANUP(guards_donep) struct guards old = guards_of(before, 3), g = {0};

	(void)state;
	open.restricted = false;
	shut.sources = other;
	g = guards_of(after, 2);
	guards_keep(&g, &old, after, 2);
	assert_int_equal(g.n_items, 2);
	assert_true(ipaddr_equal(&g.items[0].vip, &shut.vip));
	assert_int_equal(g.items[0].sources[0].len, 16);
	assert_true(ipaddr_equal(&g.items[1].vip, &gone.vip));
	assert_int_equal(g.items[1].sources[0].len, 8);
}

static void test_all_guards_stay_when_no_virtual_server_does(void **state)
{
	struct virtual_server gone = server("10.1.1.9", IPPROTO_TCP, 80, NULL, 0);
	CLEANUP(guards_donep) struct guards old = guards_of_one(&gone), g = guards_of(NULL, 0);

	(void)state;
	guards_keep(&g, &old, NULL, 0);
	assert_true(guards_equal(&g, &old));
}

static void test_what_only_the_kernel_knows_lets_nobody_in(void **state)
{
	struct ipvs_service services[] = {
		{.addr = addr("10.1.1.1"), .port = 80, .protocol = IPPROTO_TCP}};
	struct ipvs_table kernel = {services, 1};
	struct virtual_server same = server("10.1.1.1", IPPROTO_TCP, 80, NULL, 0);
	CLEANUP(guards_donep) struct guards g = guards_closed(&kernel);
	CLEANUP(guards_donep) struct guards wanted = guards_of_one(&same);

	(void)state;
	assert_true(guards_equal(&g, &wanted));
}

static void test_any_difference_is_one(void **state)
{
	struct ipnet a[] = {net("10.0.0.0/8"), net("11.0.0.0/8")};
	struct ipnet b[] = {net("10.0.0.0/8"), net("11.0.0.0/9")};
	const struct virtual_server all[] = {
		server("10.1.1.1", IPPROTO_TCP, 80, a, 2),
		server("10.1.1.1", IPPROTO_TCP, 80, a, 1),
		server("10.1.1.1", IPPROTO_TCP, 80, b, 2),
		server("10.1.1.1", IPPROTO_TCP, 81, a, 2),
		server("10.1.1.1", IPPROTO_UDP, 80, a, 2),
		server("10.1.1.2", IPPROTO_TCP, 80, a, 2),
	};
	const size_t n = sizeof all / sizeof all[0];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			CLEANUP(guards_donep) struct guards one = guards_of_one(&all[i]);
			CLEANUP(guards_donep) struct guards other = guards_of_one(&all[j]);

			assert_int_equal(guards_equal(&one, &other), i == j);
		}
	}
}

static const char elements[] = "add element inet kago guarded4 { 10.1.1.2 . tcp . 80 : 1 }\n"
			       "add element inet kago guarded4 { 10.1.1.1 . tcp . 80 : 2 }\n"
			       "add element inet kago guarded4 { 10.1.1.1 . udp . 53 : 2 }\n"
			       "add element inet kago guarded4 { 10.1.1.3 . sctp . 9 : 3 }\n"
			       "add element inet kago guarded6 { fd00::1 . tcp . 80 : 4 }\n"
			       "add element inet kago allowed4 { 2 . 10.0.0.0/8 }\n"
			       "add element inet kago allowed4 { 3 . 10.0.0.0/8 }\n"
			       "add element inet kago allowed4 { 3 . 192.0.2.7/32 }\n"
			       "add element inet kago allowed6 { 4 . 2001:db8::/32 }\n"
			       "add element inet kago allowed6 { 4 . ::/0 }\n";

static char *filled(const struct mustache *m, const struct guards *g)
{
	char *text = NULL;
	struct err e = {0};

	if (nft_fill(&text, m, g, &e) < 0)
		fail_msg("%s", e.msg);
	assert_non_null(text);
	return text;
}

/* Virtual servers with the same clients share them: a Service of many ports costs its ranges once.
 */
static void test_the_packaged_template_has_an_element_for_everything(void **state)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	struct ipnet one[] = {net("10.0.0.0/8")}, two[] = {net("10.0.0.0/8"), net("192.0.2.7")};
	struct ipnet six[] = {net("2001:db8::/32"), net("::/0")};
	const struct virtual_server all[] = {
		server("10.1.1.1", IPPROTO_TCP, 80, one, 1),
		server("10.1.1.1", IPPROTO_UDP, 53, one, 1),
		server("10.1.1.2", IPPROTO_TCP, 80, NULL, 0),
		server("10.1.1.3", IPPROTO_SCTP, 9, two, 2),
		server("fd00::1", IPPROTO_TCP, 80, six, 2),
	};
	const struct virtual_server *servers[] = {&all[0], &all[1], &all[2], &all[3], &all[4]};
	CLEANUP(guards_donep) struct guards g = guards_of(servers, 5);
	CLEANUP_FREE char *bare = NULL, *text = NULL;
	struct err e = {0};

	(void)state;
	if (mustache_load(&m, KAGO_SOURCE_DIR "/templates/nftables.conf.mustache", &e) < 0)
		fail_msg("%s", e.msg);
	bare = filled(m, &(struct guards){0});
	text = filled(m, &g);
	assert_true(str_has_prefix(text, bare));
	assert_string_equal(text + strlen(bare), elements);
}

static void test_a_fleet_has_a_limit_of_ranges(void **state)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP_FREE struct ipnet *many = xcalloc(LIMIT_FLEET_SOURCES + 1, sizeof *many);
	const struct virtual_server all[] = {
		server("10.1.1.1", IPPROTO_TCP, 80, many, LIMIT_FLEET_SOURCES),
		server("10.1.1.1", IPPROTO_TCP, 443, many, LIMIT_FLEET_SOURCES),
		server("10.1.1.2", IPPROTO_TCP, 80, many, 1),
	};
	const struct virtual_server *servers[] = {&all[0], &all[1], &all[2]};
	CLEANUP(guards_donep) struct guards just = {0}, over = {0};
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i <= LIMIT_FLEET_SOURCES; i++)
		many[i] = net("10.0.0.0/8");
	just = guards_of(servers, 2);
	over = guards_of(servers, 3);
	assert_int_equal(mustache_parse(&m, "x", 1, &e), 0);
	assert_int_equal(nft_fill(&text, m, &just, &e), 0);
	assert_string_equal(text, "x");
	free(steal(text));
	assert_int_equal(nft_fill(&text, m, &over, &e), -EFBIG);
	assert_non_null(strstr(e.msg, "200001 source ranges"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_restricted_virtual_servers_are_guarded),
		cmocka_unit_test(test_what_is_gone_stays_guarded_and_what_is_there_is_as_it_says),
		cmocka_unit_test(test_all_guards_stay_when_no_virtual_server_does),
		cmocka_unit_test(test_what_only_the_kernel_knows_lets_nobody_in),
		cmocka_unit_test(test_any_difference_is_one),
		cmocka_unit_test(test_the_packaged_template_has_an_element_for_everything),
		cmocka_unit_test(test_a_fleet_has_a_limit_of_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
