/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tunnel_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"

enum { ANY = 1000, IPIP = 1, IPIP6 = 2, GUE = 4, GUE6 = 8 };

static void kinds_have_names(void **state)
{
	char text[TUNNEL_KINDS_TEXT];

	(void)state;
	assert_int_equal(tunnel_kind(ENCAPSULATION_IPIP, AF_INET), IPIP);
	assert_int_equal(tunnel_kind(ENCAPSULATION_IPIP, AF_INET6), IPIP6);
	assert_int_equal(tunnel_kind(ENCAPSULATION_GUE, AF_INET), GUE);
	assert_int_equal(tunnel_kind(ENCAPSULATION_GUE, AF_INET6), GUE6);
	assert_string_equal(tunnel_kinds_format(text, TUNNEL_ALL, ' '), "ipip ip6ip6 gue gue6");
	assert_string_equal(tunnel_kinds_format(text, IPIP | GUE6, ','), "ipip,gue6");
	assert_string_equal(tunnel_kinds_format(text, 0, ','), "");
	assert_int_equal(tunnel_kinds_parse("gue  geneve ipip ip6ip", ' '), IPIP | GUE);
	assert_int_equal(tunnel_kinds_parse("", ' '), 0);
}

static void nodes_are_sorted_and_come_once(void **state)
{
	static const struct tunnel_node nodes[] = {
		{"c", GUE}, {"a", TUNNEL_ALL}, {"b.example", 0}, {"c", IPIP}, {"d-1", IPIP6}};
	CLEANUP(tunnel_set_done) struct tunnel_set s = {0};
	CLEANUP_FREE char *text = NULL;

	(void)state;
	tunnel_set_build(&s, nodes, sizeof nodes / sizeof nodes[0]);
	text = tunnel_set_format(&s);
	assert_string_equal(text, "a c=ipip,gue d-1=ip6ip6");
	assert_int_equal(tunnel_set_kinds(&s, "a"), TUNNEL_ALL);
	assert_int_equal(tunnel_set_kinds(&s, "c"), IPIP | GUE);
	assert_int_equal(tunnel_set_kinds(&s, "b.example"), 0);
	assert_int_equal(tunnel_set_kinds(&s, ""), 0);
}

static void the_text_of_a_set_is_read_back(void **state)
{
	static const char *const texts[] = {
		"", "a", "a=ipip", "a-1=ip6ip6,gue,gue6 b c=gue", "n.example n.example.org"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CLEANUP(tunnel_set_done) struct tunnel_set s = {0};
		CLEANUP_FREE char *again = NULL;
		struct err e = {0};

		assert_int_equal(tunnel_set_parse(&s, texts[i], ANY, &e), 0);
		again = tunnel_set_format(&s);
		assert_string_equal(again, texts[i]);
	}
}

static void what_nobody_writes_is_refused(void **state)
{
	static const char *const texts[] = {"b a", "a a", "a  b", " ", "a ", "a=", "=ipip",
		"a=gue,ipip", "a=ipip,", "a=ipip,ip6ip6,gue,gue6", "a=geneve", "A", "a=ipip=gue",
		"a a=ipip"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct tunnel_set s;
		struct err e = {0};

		assert_int_equal(tunnel_set_parse(&s, texts[i], ANY, &e), -EINVAL);
	}
}

static void what_does_not_fit_is_left_out(void **state)
{
	struct err e = {0};
	CLEANUP(tunnel_set_done) struct tunnel_set s = {0};
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_int_equal(tunnel_set_parse(&s, "a b=ipip c", 10, &e), 0);
	assert_int_equal(tunnel_set_trim(&s, 10), 0);
	assert_int_equal(tunnel_set_trim(&s, 9), 1);
	text = tunnel_set_format(&s);
	assert_string_equal(text, "a b=ipip");
	assert_int_equal(tunnel_set_kinds(&s, "c"), 0);
	assert_int_equal(tunnel_set_trim(&s, 7), 1);
	assert_int_equal(tunnel_set_trim(&s, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(nodes_are_sorted_and_come_once),
		cmocka_unit_test(the_text_of_a_set_is_read_back),
		cmocka_unit_test(what_nobody_writes_is_refused),
		cmocka_unit_test(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
