/* SPDX-License-Identifier: Apache-2.0 */
#include "table/receiver.h"

#include <string.h>

#include "addresses.h"

static const char four[] =
	"add table ip kago-realserver\n"
	"delete table ip kago-realserver\n"
	"add table ip kago-realserver\n"
	"add set ip kago-realserver vips { typeof ip daddr; elements = { 10.1.1.1, 10.1.1.2 }; }\n"
	"add set ip kago-realserver pods { typeof ip daddr; elements = { 172.16.1.5 }; }\n"
	"add set ip kago-realserver sources { typeof ip saddr; flags interval; elements = { "
	"172.16.2.2/32, 172.17.0.0/16 }; }\n"
	"add chain ip kago-realserver outer { type filter hook prerouting priority -310; policy "
	"accept; }\n"
	"add chain ip kago-realserver inner { type nat hook prerouting priority -110; policy "
	"accept; }\n"
	"add chain ip kago-realserver replies { type filter hook output priority -310; policy "
	"accept; }\n"
	"add rule ip kago-realserver outer ip daddr 169.254.77.1 drop\n"
	"add rule ip kago-realserver outer iifname \"kago0\" ip daddr != @vips drop\n"
	"add rule ip kago-realserver outer iifname != { \"kago0\", \"lo\" } ip daddr @vips drop\n"
	"add rule ip kago-realserver outer iifname \"kago0\" meta l4proto tcp notrack\n"
	"add rule ip kago-realserver outer meta l4proto 4 ip daddr @pods ip saddr @sources notrack "
	"ip daddr set 169.254.77.1\n"
	"add rule ip kago-realserver outer udp dport 6080 @th,64,32 0x00040000 ip daddr @pods "
	"ip saddr @sources notrack ip daddr set 169.254.77.1\n"
	"add rule ip kago-realserver inner iifname \"kago0\" meta l4proto udp dnat to 172.16.1.5\n"
	"add rule ip kago-realserver replies ip saddr @vips meta l4proto tcp notrack\n"
	"add rule ip kago-realserver replies ip saddr @vips tcp flags & (syn|ack) == syn|ack tcp "
	"option maxseg size set 1378\n";

static const char six[] =
	"add table ip6 kago-realserver\n"
	"delete table ip6 kago-realserver\n"
	"add table ip6 kago-realserver\n"
	"add set ip6 kago-realserver vips { typeof ip6 daddr; elements = { fd00::1 }; }\n"
	"add set ip6 kago-realserver pods { typeof ip6 daddr; elements = { fd00:16::5, fd00:16::6 "
	"}; "
	"}\n"
	"add chain ip6 kago-realserver outer { type filter hook prerouting priority -310; policy "
	"accept; }\n"
	"add chain ip6 kago-realserver inner { type nat hook prerouting priority -110; policy "
	"accept; }\n"
	"add chain ip6 kago-realserver replies { type filter hook output priority -310; policy "
	"accept; }\n"
	"add rule ip6 kago-realserver outer ip6 daddr fd00:6b61:676f::1 drop\n"
	"add rule ip6 kago-realserver outer iifname \"kago6\" ip6 daddr != @vips drop\n"
	"add rule ip6 kago-realserver outer iifname != { \"kago6\", \"lo\" } ip6 daddr @vips "
	"drop\n"
	"add rule ip6 kago-realserver outer iifname \"kago6\" meta l4proto tcp notrack\n"
	"add rule ip6 kago-realserver outer meta l4proto 41 ip6 daddr @pods notrack ip6 daddr set "
	"fd00:6b61:676f::1\n"
	"add rule ip6 kago-realserver inner iifname \"kago6\" meta l4proto udp dnat to "
	"fd00:16::5\n"
	"add rule ip6 kago-realserver replies ip6 saddr @vips meta l4proto tcp notrack\n"
	"add rule ip6 kago-realserver replies ip6 saddr @vips tcp flags & (syn|ack) == syn|ack tcp "
	"option maxseg size set 1400\n";

struct addresses {
	struct ipaddr vips[3], own[3];
	struct ipnet sources[2];
};

static struct addresses some(void)
{
	return (struct addresses){
		.vips = {addr_of("10.1.1.1"), addr_of("fd00::1"), addr_of("10.1.1.2")},
		.own = {addr_of("172.16.1.5"), addr_of("fd00:16::5"), addr_of("fd00:16::6")},
		.sources = {net_of("172.16.2.2"), net_of("172.17.0.0/16")},
	};
}

static void expect(const struct receiver *r, int family, const char *wanted)
{
	CLEANUP_FREE char *text = receiver_script(r, family);

	assert_string_equal(text, wanted);
}

/* MTU 1450, with GUE. */
static void test_those_allowed_may_send(void **state)
{
	const struct addresses a = some();

	(void)state;
	expect(&(struct receiver){.vips = a.vips,
		       .n_vips = 3,
		       .sources = a.sources,
		       .n_sources = 2,
		       .own = a.own,
		       .n_own = 3,
		       .gue_port = 6080,
		       .mtu = 1450},
		AF_INET, four);
}

static void test_unless_some_are_named_everybody_may(void **state)
{
	const struct addresses a = some();

	(void)state;
	expect(
		&(struct receiver){
			.vips = a.vips, .n_vips = 3, .own = a.own, .n_own = 3, .mtu = 1500},
		AF_INET6, six);
}

static void test_an_mtu_that_cannot_be_is_taken_for_the_usual_one(void **state)
{
	const struct receiver none = {0}, tiny = {.mtu = 68}, jumbo = {.mtu = 9000};

	(void)state;
	assert_int_equal(receiver_mss(&none, AF_INET), 1440);
	assert_int_equal(receiver_mss(&tiny, AF_INET), 1440);
	assert_int_equal(receiver_mss(&jumbo, AF_INET), 8940);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_those_allowed_may_send),
		cmocka_unit_test(test_unless_some_are_named_everybody_may),
		cmocka_unit_test(test_an_mtu_that_cannot_be_is_taken_for_the_usual_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
