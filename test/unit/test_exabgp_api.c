/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/exabgp_api.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_commands_are_what_exabgp_reads(void **state)
{
	char text[EXABGP_API_COMMAND_SIZE];
	struct ipnet net;
	struct ipaddr hop;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(ipnet_parse(&net, "10.1.1.0/24", &e), 0);
	assert_int_equal(ipaddr_parse(&hop, "10.0.0.106", &e), 0);
	len = exabgp_api_announce(text, &net, &hop);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "announce route 10.1.1.0/24 next-hop 10.0.0.106\n");
	len = exabgp_api_withdraw(text, &net, &hop);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "withdraw route 10.1.1.0/24 next-hop 10.0.0.106\n");
}

static void test_the_longest_command_fits(void **state)
{
	char text[EXABGP_API_COMMAND_SIZE];
	struct ipnet net;
	struct ipaddr hop;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(ipnet_parse(&net, "fd00:1111:2222:3333:4444:5555:6666:7777/128", &e), 0);
	assert_int_equal(ipaddr_parse(&hop, "fd00:1111:2222:3333:4444:5555:6666:8888", &e), 0);
	len = exabgp_api_announce(text, &net, &hop);
	assert_int_equal(len, strlen(text));
	assert_int_equal(text[strlen(text) - 1], '\n');
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
	assert_int_equal(kind_of(STATE("\"state\": \"connected\"")), EXABGP_API_OTHER);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_are_what_exabgp_reads),
		cmocka_unit_test(test_the_longest_command_fits),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_an_end_that_cannot_be_read_is_one),
		cmocka_unit_test(test_a_long_reason_is_cut),
		cmocka_unit_test(test_what_is_neither_answer_nor_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
