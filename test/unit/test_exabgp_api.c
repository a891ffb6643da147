/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_api.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct config_peer some[LIMIT_BGP_PEERS];

/* The third one is of another AS. */
static struct exabgp_api_peers three_peers(void)
{
	static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
	struct err e = {0};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ipaddr_parse(&some[i].address, addresses[i], &e), 0);
	return (struct exabgp_api_peers){some, 3, 65021, {.external = 4}};
}

static struct route route_of(const char *net, const char *hop, peer_set peers)
{
	struct route r = {.peers = peers};
	struct err e = {0};

	assert_int_equal(ipnet_parse(&r.net, net, &e), 0);
	assert_int_equal(ipaddr_parse(&r.next_hop, hop, &e), 0);
	return r;
}

static void test_commands_are_what_exabgp_reads(void **state)
{
	const struct exabgp_api_peers peers = three_peers();
	struct route r = route_of("10.1.1.0/24", "10.0.0.106", 7);
	char text[EXABGP_API_COMMAND_SIZE];
	size_t len;

	(void)state;
	len = exabgp_api_announce(text, &r, &peers);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "announce route 10.1.1.0/24 next-hop 10.0.0.106\n");
	len = exabgp_api_withdraw(text, &r, &peers);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "withdraw route 10.1.1.0/24 next-hop 10.0.0.106\n");
}

static void test_a_command_for_some_peers_names_them(void **state)
{
	const struct exabgp_api_peers peers = three_peers();
	struct route r = route_of("10.1.1.0/24", "10.0.0.106", 5);
	char text[EXABGP_API_COMMAND_SIZE];

	(void)state;
	exabgp_api_announce(text, &r, &peers);
	assert_string_equal(text, "neighbor 10.0.0.1 , neighbor 10.0.0.3 announce route "
				  "10.1.1.0/24 next-hop 10.0.0.106\n");
	r.peers = 2;
	exabgp_api_withdraw(text, &r, &peers);
	assert_string_equal(
		text, "neighbor 10.0.0.2 withdraw route 10.1.1.0/24 next-hop 10.0.0.106\n");
}

static void test_attributes_are_said_in_numbers(void **state)
{
	const struct exabgp_api_peers peers = three_peers();
	CLEANUP(attributes_unrefp) struct attributes *a = attributes_new();
	struct route r = route_of("10.1.1.1/32", "10.0.0.106", 3);
	char text[EXABGP_API_COMMAND_SIZE];
	struct err e = {0};

	(void)state;
	r.attributes = a;
	assert_int_equal(attributes_set_local_preference(a, "200", &e), 0);
	assert_int_equal(attributes_set_med(a, "0", &e), 0);
	assert_int_equal(attributes_set_prepend(a, "2", &e), 0);
	assert_int_equal(attributes_set_communities(a,
				 "no-export 65000:100 graceful-shutdown 65000:1:2 "
				 "target:65000:100 origin:10.0.0.1:7 target:4200000000:7",
				 &e),
		0);
	exabgp_api_announce(text, &r, &peers);
	assert_string_equal(text,
		"neighbor 10.0.0.1 , neighbor 10.0.0.2 announce route 10.1.1.1/32 next-hop "
		"10.0.0.106 local-preference 200 med 0 community [ 65000:100 65535:0 65535:65281 ] "
		"large-community [ 65000:1:2 ] extended-community [ 0x0002fde800000064 "
		"0x01030a0000010007 0x0202fa56ea000007 ]\n");
	/* The path is the whole one: with our AS, and once more as often as was said. */
	r.peers = 4;
	exabgp_api_announce(text, &r, &peers);
	assert_non_null(strstr(text, "neighbor 10.0.0.3 announce"));
	assert_non_null(strstr(text, " as-path [ 65021 65021 65021 ] "));
}

static void test_the_longest_command_fits(void **state)
{
	const struct exabgp_api_peers peers = {
		some, LIMIT_BGP_PEERS, UINT32_MAX, {.external = 1 << 14}};
	CLEANUP(attributes_unrefp) struct attributes *a = attributes_new();
	struct route r = route_of("fd00:1111:2222:3333:4444:5555:6666:7777/128",
		"fd00:1111:2222:3333:4444:5555:6666:8888", 0x7fff);
	char text[EXABGP_API_COMMAND_SIZE], one[64];
	struct err e = {0};
	size_t len;

	(void)state;
	r.attributes = a;
	for (size_t i = 0; i < LIMIT_BGP_PEERS; i++)
		some[i].address = r.next_hop;
	assert_int_equal(attributes_set_local_preference(a, "4294967295", &e), 0);
	assert_int_equal(attributes_set_med(a, "4294967295", &e), 0);
	assert_int_equal(attributes_set_prepend(a, "16", &e), 0);
	a->communities.n_items = LIMIT_COMMUNITIES;
	for (size_t i = 0; i < LIMIT_COMMUNITIES; i++)
		a->communities.items[i] =
			(struct community){COMMUNITY_LARGE, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	len = exabgp_api_announce(text, &r, &peers);
	assert_int_equal(len, strlen(text));
	snprintf(one, sizeof one, "%s", text + len - 13);
	assert_string_equal(one, "4294967295 ]\n");
}

static enum exabgp_api_kind kind_of(const char *line)
{
	struct exabgp_api_event ev;
	struct err e = {0};

	if (exabgp_api_parse(&ev, line, &e) < 0)
		fail_msg("%s", e.msg);
	return ev.kind;
}

static void test_answers(void **state)
{
	(void)state;
	assert_int_equal(kind_of("done"), EXABGP_API_DONE);
	assert_int_equal(kind_of("error"), EXABGP_API_ERROR);
	assert_int_equal(kind_of("shutdown"), EXABGP_API_OTHER);
	assert_int_equal(kind_of("{ \"answer\": \"done\", \"message\": \"command completed\" }"),
		EXABGP_API_DONE);
	assert_int_equal(kind_of("{\"answer\": \"error\"}"), EXABGP_API_ERROR);
	assert_int_equal(kind_of("{\"type\": \"notification\", \"notification\": \"shutdown\"}"),
		EXABGP_API_OTHER);
}

/* As exabgp 4.2.21 prints it. */
#define STATE(rest)                                                                                \
	"{ \"exabgp\": \"4.0.1\", \"time\": 1795454402.9, \"host\" : \"vm\", \"pid\" : 178, "      \
	"\"ppid\" : 1, \"counter\": 2, \"type\": \"state\", \"neighbor\": { \"address\": { "       \
	"\"local\": \"172.16.1.11\", \"peer\": \"10.0.0.1\" }, \"asn\": { \"local\": 65021, "      \
	"\"peer\": 65021 } , " rest " } }"

static void test_sessions(void **state)
{
	struct exabgp_api_event ev;
	struct err e = {0};
	char peer[IPADDR_TEXT];

	(void)state;
	assert_int_equal(exabgp_api_parse(&ev, STATE("\"state\": \"up\""), &e), 0);
	assert_int_equal(ev.kind, EXABGP_API_PEER_UP);
	assert_string_equal(ipaddr_format(peer, &ev.peer), "10.0.0.1");
	assert_int_equal(
		exabgp_api_parse(&ev, STATE("\"state\": \"down\", \"reason\": \"peer reset\""), &e),
		0);
	assert_int_equal(ev.kind, EXABGP_API_PEER_DOWN);
	assert_string_equal(ev.reason, "peer reset");
	assert_int_equal(kind_of(STATE("\"state\": \"connected\"")), EXABGP_API_PEER_CALLED);
}

/* What a peer says at the end is quoted as it came: of a shutdown, or that it was sent too much. */
static void test_an_end_that_cannot_be_read_is_one(void **state)
{
	struct exabgp_api_event ev;
	struct err e = {0};
	char peer[IPADDR_TEXT];

	(void)state;
	assert_int_equal(
		exabgp_api_parse(&ev,
			STATE("\"state\": \"down\", \"reason\": \"notification received (6,1) "
			      "\"max \x01 prefixes\"\""),
			&e),
		0);
	assert_int_equal(ev.kind, EXABGP_API_PEER_DOWN);
	assert_string_equal(ipaddr_format(peer, &ev.peer), "10.0.0.1");
	assert_int_equal(
		exabgp_api_parse(&ev, "{\"type\": \"state\", \"state\": \"down\"", &e), -EINVAL);
}

static void test_a_long_reason_is_cut(void **state)
{
	char line[2048], reason[1024];
	struct exabgp_api_event ev;
	struct err e = {0};

	(void)state;
	memset(reason, 'x', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	snprintf(line, sizeof line, STATE("\"state\": \"down\", \"reason\": \"%s\""), reason);
	assert_int_equal(exabgp_api_parse(&ev, line, &e), 0);
	assert_int_equal(strlen(ev.reason), EXABGP_API_REASON_SIZE - 1);
}

static void test_what_is_neither_answer_nor_json_is_refused(void **state)
{
	static const char *const lines[] = {"", "Done", "done ", "[]", "{", "{\"type\": 7}",
		"{\"type\": \"state\"}",
		"{\"type\": \"state\", \"neighbor\": {\"address\": {\"peer\": \"nobody\"}}}",
		"{\"answer\": []}"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct exabgp_api_event ev = {.kind = EXABGP_API_DONE};
		struct err e = {0};

		assert_int_equal(exabgp_api_parse(&ev, lines[i], &e), -EINVAL);
		assert_memory_equal(e.msg, "line from exabgp: ", 18);
		assert_int_equal(ev.kind, EXABGP_API_DONE);
	}
}

static void test_a_list_of_peers(void **state)
{
	struct exabgp_api_event ev;
	struct err e = {0};
	char text[IPADDR_TEXT];

	(void)state;
	assert_int_equal(exabgp_api_parse(&ev, "Neighbor fd00::1", &e), 0);
	assert_int_equal(ev.kind, EXABGP_API_PEER_LISTED);
	assert_string_equal(ipaddr_format(text, &ev.peer), "fd00::1");
	assert_int_equal(exabgp_api_parse(&ev, "Neighbor of 10.0.0.1", &e), -EINVAL);
	assert_int_equal(exabgp_api_parse(&ev, "local    172.16.1.11", &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_are_what_exabgp_reads),
		cmocka_unit_test(test_a_command_for_some_peers_names_them),
		cmocka_unit_test(test_attributes_are_said_in_numbers),
		cmocka_unit_test(test_the_longest_command_fits),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_an_end_that_cannot_be_read_is_one),
		cmocka_unit_test(test_a_long_reason_is_cut),
		cmocka_unit_test(test_a_list_of_peers),
		cmocka_unit_test(test_what_is_neither_answer_nor_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
