/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define DATE "Mon Nov 23 17:19:23 2026: "

static void assert_kind(const char *text, enum keepalived_line_kind kind)
{
	const struct keepalived_line l = keepalived_line_parse(text);

	if (l.kind != kind)
		fail_msg("'%s' is of kind %d", text, (int)l.kind);
}

static void assert_server(const char *text, enum keepalived_line_kind kind, const char *place,
	const char *addr, uint16_t port)
{
	const struct keepalived_line l = keepalived_line_parse(text);
	char place_text[PLACE_TEXT], addr_text[IPADDR_TEXT];

	assert_int_equal(l.kind, kind);
	assert_false(l.chatter);
	assert_string_equal(place_format(place_text, &l.place), place);
	assert_string_equal(ipaddr_format(addr_text, &l.addr), addr);
	assert_int_equal(l.port, port);
}

static void each_word_of_a_check_is_understood(void **state)
{
	(void)state;
	assert_server("Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_UP, "10.1.1.1 port 80/tcp", "172.16.0.9", 8080);
	assert_server("Adding service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_UP, "10.1.1.1 port 80/tcp", "172.16.0.9", 8080);
	assert_server("Disabling service [172.16.0.9]:tcp:8080 of VS [10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_DOWN, "10.1.1.1 port 80/tcp", "172.16.0.9", 8080);
	assert_server("Removing service [172.16.0.9]:tcp:8080 from VS [10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_REMOVED, "10.1.1.1 port 80/tcp", "172.16.0.9", 8080);
	assert_server("Removing (inhibited) service [172.16.0.9]:tcp:8080 from VS "
		      "[10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_REMOVED, "10.1.1.1 port 80/tcp", "172.16.0.9", 8080);
}

static void a_reload_begins_and_ends(void **state)
{
	(void)state;
	assert_kind("Reloading ...", KEEPALIVED_READING);
	assert_kind(DATE "Reloading", KEEPALIVED_READING);
	assert_kind("Reload already in progress, request queued", KEEPALIVED_OTHER);
	assert_kind("Reload complete", KEEPALIVED_READY);
}

static void a_date_in_front_is_skipped(void **state)
{
	(void)state;
	assert_server(DATE "Disabling service [172.16.0.9]:udp:53 of VS [10.1.1.1]:udp:53",
		KEEPALIVED_SERVER_DOWN, "10.1.1.1 port 53/udp", "172.16.0.9", 53);
	assert_string_equal(keepalived_line_parse(DATE "Reload complete").text, "Reload complete");
	assert_string_equal(keepalived_line_parse(DATE).text, DATE);
	assert_string_equal(keepalived_line_parse("").text, "");
}

static void each_protocol_and_family_is_understood(void **state)
{
	(void)state;
	assert_server("Enabling service [fd00::9]:sctp:8080 to VS [2001:db8::1]:sctp:65535",
		KEEPALIVED_SERVER_UP, "2001:db8::1 port 65535/sctp", "fd00::9", 8080);
	assert_server("Disabling service [fd00::9]:udp:1 of VS [10.1.1.1]:tcp:80",
		KEEPALIVED_SERVER_DOWN, "10.1.1.1 port 80/tcp", "fd00::9", 1);
}

static void it_is_known_when_the_file_was_read(void **state)
{
	(void)state;
	assert_kind("Startup complete", KEEPALIVED_READY);
	assert_kind(DATE "Startup complete", KEEPALIVED_READY);
	assert_kind("Reload complete", KEEPALIVED_READY);
	assert_kind("Warning - keepalived has no configuration to run", KEEPALIVED_READY);
	assert_kind("Starting Healthcheck child process, pid=12", KEEPALIVED_CHECKS_BEGIN);
}

static void nothing_is_read_into_other_lines(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"Starting Keepalived v2.2.7 (01/16,2022)",
		"Startup",
		"it says: Startup complete",
		"Enabling service ",
		"Enabling service [172.16.0.9",
		"Enabling service [172.16.0.9]",
		"Enabling service [172.16.0.9]:tcp:8080",
		"Enabling service [172.16.0.9]:tcp:8080 to VS ",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:80 x",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:65536",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:000080",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:-1",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:dccp:80",
		"Enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1]:tcp:80",
		"Enabling service [172.16.0.9]:tcp:8080 to VS []:tcp:80",
		"Enabling service [172.16.0.9]:tcp:8080 to VS FWM 7",
		"Enabling service [172.16.0.9]:tcp:8080 at VS [10.1.1.1]:tcp:80",
		"Enabling service [1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]"
		":tcp:80 to VS [10.1.1.1]:tcp:80",
		"enabling service [172.16.0.9]:tcp:8080 to VS [10.1.1.1]:tcp:80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_kind(lines[i], KEEPALIVED_OTHER);
}

static void what_it_says_of_its_inner_life_is_chatter(void **state)
{
	(void)state;
	assert_true(keepalived_line_parse(DATE "Startup complete").chatter);
	assert_true(keepalived_line_parse("Opening file '/run/x'.").chatter);
	assert_true(keepalived_line_parse("IPVS cmd IP_VS_SO_SET_ADD(1154) error: Service "
					  "already exists(17)")
			    .chatter);
	assert_true(keepalived_line_parse("IPVS: No such service(3)").chatter);
	assert_false(keepalived_line_parse("Keepalived_healthcheckers exited").chatter);
	assert_false(
		keepalived_line_parse("TCP connection to [172.16.0.9]:tcp:80 failed.").chatter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_of_a_check_is_understood),
		cmocka_unit_test(a_reload_begins_and_ends),
		cmocka_unit_test(a_date_in_front_is_skipped),
		cmocka_unit_test(each_protocol_and_family_is_understood),
		cmocka_unit_test(it_is_known_when_the_file_was_read),
		cmocka_unit_test(nothing_is_read_into_other_lines),
		cmocka_unit_test(what_it_says_of_its_inner_life_is_chatter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
