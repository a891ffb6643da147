/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bird_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "base/mem.h"

#define HEADER                                                                                     \
	"1020-bfd1:\n"                                                                             \
	" IP address                Interface  State      Since         Interval  Timeout\n"
#define END "0000 \n"

static int parse(struct bird_sessions *ret, const char *text, struct err *e)
{
	return bird_api_sessions(ret, text, strlen(text), e);
}

static void assert_peer(const struct bird_sessions *s, size_t i, const char *peer)
{
	const struct ipaddr expected = addr_of(peer);

	assert_true(ipaddr_equal(&s->items[i].peer, &expected));
}

/* As BIRD 2.0.12 wrote it. */
static void test_sessions_and_their_states(void **state)
{
	static const char text[] = HEADER
		" 10.0.0.1                  ---        Up         01:26:51.516    0.300    0.900\n"
		" 10.0.0.2                  eth0       Down       2026-11-30      1.000    0.000\n"
		" 2001:db8:1111:2222:3333:4444:5555:6666 ---        Init       01:26:51.516    "
		"0.300"
		"    0.900\n"
		" fd00::1                   ---        AdminDown  01:26:51.516    0.300    "
		"0.900\n" END;
	struct bird_sessions s;
	struct err e = {0};

	(void)state;
	if (parse(&s, text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(s.n_items, 4);
	assert_peer(&s, 0, "10.0.0.1");
	assert_peer(&s, 2, "2001:db8:1111:2222:3333:4444:5555:6666");
	assert_int_equal(s.items[0].state, BFD_UP);
	assert_int_equal(s.items[1].state, BFD_DOWN);
	assert_int_equal(s.items[2].state, BFD_INIT);
	assert_int_equal(s.items[3].state, BFD_ADMIN_DOWN);
	assert_string_equal(bfd_state_name(BFD_UP), "Up");
	assert_string_equal(bfd_state_name(BFD_UNKNOWN), "unknown");
}

static void test_no_session_yet(void **state)
{
	struct bird_sessions s;
	struct err e = {0};

	(void)state;
	assert_int_equal(parse(&s, HEADER END, &e), 0);
	assert_int_equal(s.n_items, 0);
}

static void test_an_answer_is_whole_with_its_last_line(void **state)
{
	static const char all[] = "0001 BIRD 2.0.12 ready.\n" HEADER END "0000 \n";
	size_t greeting = strlen("0001 BIRD 2.0.12 ready.\n"), answer = strlen(HEADER END);

	(void)state;
	for (size_t len = 0; len < greeting; len++)
		assert_int_equal(bird_api_whole(all, len), 0);
	assert_int_equal(bird_api_whole(all, greeting), greeting);
	assert_int_equal(bird_api_whole(all, sizeof all - 1), greeting);
	for (size_t len = 0; len < answer; len++)
		assert_int_equal(bird_api_whole(all + greeting, len), 0);
	assert_int_equal(bird_api_whole(all + greeting, answer), answer);
}

#define SESSION " 10.0.0.1 --- Up 01:26:51.516 0.300 0.900\n"

static void test_what_says_anything_else_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "''"},
		{"0016 Access restricted\n", "'0016 Access restricted'"},
		{"9001 syntax error\n", "'9001 syntax error'"},
		{"1021-bfd1:\n" SESSION END, "'1021-bfd1:' is not about sessions"},
		{HEADER "1020-bfd2:\n" END, "'1020-bfd2:' is not about sessions"},
		{SESSION END, "a row without a protocol"},
		{"1020-bfd1:\n" SESSION END, "the table has other columns"},
		{HEADER SESSION, "' 10.0.0.1 --- Up 01:26:51.516 0.300 0.900'"},
		{HEADER SESSION "8003 No protocols match\n", "'8003 No protocols match'"},
		{HEADER SESSION SESSION END, "10.0.0.1 is there twice"},
		{HEADER " 10.0.0.1 --- up 01:26:51.516 0.300 0.900\n" END,
			"'up' is no state of a session"},
		{HEADER " 10.0.0.1 --- Up 01:26:51.516 0.300\n" END,
			"a session has fewer words than it should"},
		{HEADER " 10.0.0.1 --- Up 01:26:51.516 0.300 0.900 1\n" END,
			"a session has more words than it should"},
		{HEADER "\n" END, "''"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_FREE char *whole = xasprintf("answer of BIRD: %s", cases[i].why);
		struct bird_sessions s;
		struct err e = {0};

		assert_int_equal(parse(&s, cases[i].text, &e), -EINVAL);
		assert_string_equal(e.msg, whole);
	}
}

static void test_a_session_more_than_there_may_be_peers(void **state)
{
	CLEANUP_FREE char *text = xstrdup(HEADER);
	struct bird_sessions s;

	(void)state;
	for (int n = 0; n <= LIMIT_BGP_PEERS; n++) {
		CLEANUP_FREE char *before = text, *all = NULL;
		struct err e = {0};

		text = xasprintf("%s 10.0.0.%d --- Up 01:26:51.516 0.300 0.900\n", before, n);
		all = xasprintf("%s" END, text);
		assert_int_equal(parse(&s, all, &e), n < LIMIT_BGP_PEERS ? 0 : -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_and_their_states),
		cmocka_unit_test(test_no_session_yet),
		cmocka_unit_test(test_an_answer_is_whole_with_its_last_line),
		cmocka_unit_test(test_what_says_anything_else_is_refused),
		cmocka_unit_test(test_a_session_more_than_there_may_be_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
