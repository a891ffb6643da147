/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/guards.h"

#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "base/limits.h"
#include "base/str.h"
#include "clients/nft.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

static struct virtual_server server(
	const char *vip, uint16_t protocol, uint16_t port, struct ipnet *sources, size_t n)
{
	return (struct virtual_server){.vip = addr_of(vip),
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
	struct ipnet some[] = {net_of("10.0.0.0/8")};
	struct virtual_server open = server("10.1.1.1", IPPROTO_TCP, 80, NULL, 0);
	struct virtual_server shut = server("10.1.1.2", IPPROTO_TCP, 80, some, 1);
	const struct virtual_server *all[] = {&open, &shut};
	CLEANUP(guards_donep) struct guards g = {0};

	(void)state;
	open.restricted = false;
	g = guards_of(all, 2);
	some[0] = net_of("0.0.0.0/0"); /* guards live longer than the fleet */
	assert_int_equal(g.n_items, 1);
	assert_true(ipaddr_equal(&g.items[0].vip, &shut.vip));
	assert_int_equal(g.items[0].sources[0].len, 8);
}

static void test_what_is_gone_stays_guarded_and_what_is_there_is_as_it_says(void **state)
{
	struct ipnet some[] = {net_of("10.0.0.0/8")}, other[] = {net_of("10.9.0.0/16")};
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
		{.addr = addr_of("10.1.1.1"), .port = 80, .protocol = IPPROTO_TCP}};
	struct ipvs_table kernel = {services, 1};
	struct virtual_server same = server("10.1.1.1", IPPROTO_TCP, 80, NULL, 0);
	CLEANUP(guards_donep) struct guards g = guards_closed(&kernel);
	CLEANUP(guards_donep) struct guards wanted = guards_of_one(&same);

	(void)state;
	assert_true(guards_equal(&g, &wanted));
}

static void test_virtual_servers_with_tunnels_are_known_and_not_guarded(void **state)
{
	struct real_server real = {.forward = {.method = FORWARD_TUNNEL}};
	struct virtual_server vs = server("10.1.1.1", IPPROTO_TCP, 80, NULL, 0);
	CLEANUP(guards_donep) struct guards shut = guards_of_one(&vs), both = {0}, open = {0};
	json_auto_t *view = NULL;

	(void)state;
	vs.reals = &real;
	vs.n_reals = 1;
	both = guards_of_one(&vs);
	vs.restricted = false;
	open = guards_of_one(&vs);
	assert_false(guards_equal(&shut, &both));
	assert_false(guards_equal(&both, &open));
	assert_true(guards_have(&open, &open.items[0]));
	assert_false(guards_have(&shut, &open.items[0]));
	view = guards_view(&both);
	assert_int_equal(json_array_size(json_object_get(view, "guarded4")), 1);
	assert_int_equal(json_array_size(json_object_get(view, "tunnelled4")), 1);
	json_decref(view);
	view = guards_view(&open);
	assert_int_equal(json_array_size(json_object_get(view, "guarded4")), 0);
	assert_int_equal(json_array_size(json_object_get(view, "tunnelled4")), 1);
}

static void test_any_difference_is_one(void **state)
{
	struct ipnet a[] = {net_of("10.0.0.0/8"), net_of("11.0.0.0/8")};
	struct ipnet b[] = {net_of("10.0.0.0/8"), net_of("11.0.0.0/9")};
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
	struct ipnet one[] = {net_of("10.0.0.0/8")},
		     two[] = {net_of("10.0.0.0/8"), net_of("192.0.2.7")};
	struct ipnet six[] = {net_of("2001:db8::/32"), net_of("::/0")};
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
	CLEANUP_FREE struct ipnet *many = xcalloc(LIMIT_NFT_SOURCES + 1, sizeof *many);
	const struct virtual_server all[] = {
		server("10.1.1.1", IPPROTO_TCP, 80, many, LIMIT_NFT_SOURCES),
		server("10.1.1.1", IPPROTO_TCP, 443, many, LIMIT_NFT_SOURCES),
		server("10.1.1.2", IPPROTO_TCP, 80, many, 1),
	};
	const struct virtual_server *servers[] = {&all[0], &all[1], &all[2]};
	CLEANUP(guards_donep) struct guards just = {0}, over = {0};
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i <= LIMIT_NFT_SOURCES; i++)
		many[i] = net_of("10.0.0.0/8");
	just = guards_of(servers, 2);
	over = guards_of(servers, 3);
	assert_int_equal(mustache_parse(&m, "x", 1, &e), 0);
	assert_int_equal(nft_fill(&text, m, &just, &e), 0);
	assert_string_equal(text, "x");
	free(steal(text));
	assert_int_equal(nft_fill(&text, m, &over, &e), -EFBIG);
	assert_non_null(strstr(e.msg, "201025 source ranges"));
}

/* Else what is wanted waited for IPVS to let go of what is gone, and that for what is wanted. */
static void test_near_the_limit_what_is_gone_lets_nobody_in(void **state)
{
	enum { HALF = LIMIT_FLEET_SOURCES / 2 + 1 };
	struct ipnet *many = calloc(HALF, sizeof *many), some[] = {net_of("192.0.2.0/24")};
	struct virtual_server gone = server("10.1.1.9", IPPROTO_TCP, 80, many, HALF);
	struct virtual_server stays = server("10.1.1.5", IPPROTO_TCP, 80, some, 1);
	struct virtual_server new = server("10.1.1.7", IPPROTO_TCP, 80, many, HALF);
	const struct virtual_server *before[] = {&stays, &gone}, *after[] = {&stays, &new};
	CLEANUP(guards_donep) struct guards old = {0}, g = {0};

	(void)state;
	for (uint32_t i = 0; i < HALF; i++)
		many[i] =
			(struct ipnet){ipaddr_from_bytes(AF_INET, &(uint32_t){htonl(i << 8)}), 24};
	old = guards_of(before, 2);
	many[0] = net_of("203.0.113.0/24"); /* so that they are two sets of clients */
	g = guards_of(after, 2);
	guards_keep(&g, &old, after, 2);
	assert_int_equal(g.n_items, 3);
	assert_int_equal(g.items[0].n_sources, 1);
	assert_int_equal(g.items[1].n_sources, HALF);
	assert_int_equal(g.items[2].n_sources, 0);
	assert_int_equal(guards_n_sources(&g), HALF + 1);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near_the_limit_what_is_gone_lets_nobody_in),
		cmocka_unit_test(test_only_restricted_virtual_servers_are_guarded),
		cmocka_unit_test(test_what_is_gone_stays_guarded_and_what_is_there_is_as_it_says),
		cmocka_unit_test(test_all_guards_stay_when_no_virtual_server_does),
		cmocka_unit_test(test_what_only_the_kernel_knows_lets_nobody_in),
		cmocka_unit_test(test_virtual_servers_with_tunnels_are_known_and_not_guarded),
		cmocka_unit_test(test_any_difference_is_one),
		cmocka_unit_test(test_the_packaged_template_has_an_element_for_everything),
		cmocka_unit_test(test_a_fleet_has_a_limit_of_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
