/* SPDX-License-Identifier: Apache-2.0 */
#include "values/tunnel_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "addresses.h"
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
	static const struct tunnel_node nodes[] = {{.name = "c", .kinds = GUE},
		{.name = "a", .kinds = TUNNEL_ALL}, {.name = "b.example"},
		{.name = "c", .kinds = IPIP}, {.name = "d-1", .kinds = IPIP6}};
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

		assert_int_equal(tunnel_set_parse(&s, texts[i], "", ANY, &e), 0);
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

		assert_int_equal(tunnel_set_parse(&s, texts[i], "", ANY, &e), -EINVAL);
	}
}

enum { KNOWN = 8 }; /* nodes, before the first one is forgotten */

static struct tunnel_node node(const char *name, const char *first, const char *second)
{
	static struct ipaddr own[KNOWN][2];
	static size_t next;
	struct ipaddr *addrs = own[next++ % KNOWN];

	addrs[0] = addr_of(first);
	addrs[1] = addr_of(second);
	return (struct tunnel_node){name, TUNNEL_ALL, addrs, 2};
}

static void addresses_of_nodes_are_put_together(void **state)
{
	struct tunnel_node nodes[] = {node("b", "10.0.0.2", "fd00::7"),
		node("a", "10.0.0.3", "10.0.0.1"), node("c", "10.0.9.9", "10.0.9.8")};
	CLEANUP(tunnel_set_done) struct tunnel_set s = {0}, again = {0};
	CLEANUP_FREE char *text = NULL;
	struct ipaddr pod = addr_of("10.0.0.4"), host = addr_of("10.0.0.2");
	struct err e = {0};

	(void)state;
	nodes[2].kinds = 0;
	tunnel_set_build(&s, nodes, 3);
	text = tunnel_set_format_own(&s);
	assert_string_equal(text, "10.0.0.1-10.0.0.3,fd00::7");
	assert_true(tunnel_set_is_own(&s, &host));
	assert_false(tunnel_set_is_own(&s, &pod));
	assert_int_equal(tunnel_set_parse(&again, "a b", text, ANY, &e), 0);
	assert_true(tunnel_set_is(&again, "a b", text));
	assert_false(tunnel_set_is(&again, "a b", ""));
	assert_false(tunnel_set_is(&again, "a", text));
	assert_true(tunnel_set_is_own(&again, &host));
}

static void addresses_that_nobody_writes_are_refused(void **state)
{
	static const char *const texts[] = {"10.0.0.1,10.0.0.2", "x", "10.0.0.1,...", "..."};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct tunnel_set s;
		struct err e = {0};

		assert_int_equal(tunnel_set_parse(&s, "a", texts[i], ANY, &e), -EINVAL);
	}
}

static void assert_fitting(size_t max, const char *text, const char *addresses, size_t left_out)
{
	struct tunnel_node nodes[] = {node("c", "10.0.0.3", "10.0.0.4"),
		node("a", "10.0.0.1", "10.0.0.2"), node("b", "10.0.0.7", "10.0.0.9")};
	CLEANUP(tunnel_set_done) struct tunnel_set s = {0};

	nodes[2].kinds = IPIP;
	assert_int_equal(tunnel_set_fit(&s, nodes, 3, max), left_out);
	assert_true(tunnel_set_is(&s, text, addresses));
}

static void what_does_not_fit_is_left_out(void **state)
{
	static const char three[] = "10.0.0.1-10.0.0.4,10.0.0.7,10.0.0.9";
	static const char two[] = "10.0.0.1-10.0.0.2,10.0.0.7,10.0.0.9";
	const size_t all = strlen("a b=ipip c") + strlen(three);

	(void)state;
	assert_fitting(all, "a b=ipip c", three, 0);
	assert_fitting(all - 1, "a b=ipip", two, 1);
	assert_fitting(all - 2, "a b=ipip", two, 1);
	assert_fitting(all - 3, "a", "10.0.0.1-10.0.0.2", 2);
	assert_fitting(strlen("a10.0.0.1-10.0.0.2") - 1, "", "", 3);
	assert_fitting(0, "", "", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(nodes_are_sorted_and_come_once),
		cmocka_unit_test(the_text_of_a_set_is_read_back),
		cmocka_unit_test(what_nobody_writes_is_refused),
		cmocka_unit_test(addresses_of_nodes_are_put_together),
		cmocka_unit_test(addresses_that_nobody_writes_are_refused),
		cmocka_unit_test(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
