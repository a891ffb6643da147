/* SPDX-License-Identifier: Apache-2.0 */
#include "node/strays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <nftables/libnftables.h>

#include "node/netlink.h"
#include "node/nft_batch.h"

#include "net_loopback.h"

/* In a namespace of the test's own; nftables itself says what is there. */

static char *listed(const char *command)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	char *text;

	nft_ctx_buffer_output(nft);
	assert_int_equal(nft_run_cmd_from_buffer(nft, command), 0);
	text = xstrdup(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
	return text;
}

/* What anybody else does on the node. */
static void run(const char *command)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	assert_int_equal(nft_run_cmd_from_buffer(nft, command), 0);
	nft_ctx_free(nft);
}

static void assert_listed(const char *expected)
{
	CLEANUP_FREE char *text = listed("list ruleset");

	assert_string_equal(text, expected);
}

static void assert_table(const char *table, const char *expected)
{
	CLEANUP_FREE char *command = xasprintf("list table %s", table), *text = listed(command);

	assert_string_equal(text, expected);
}

static size_t count_listed(const char *word)
{
	CLEANUP_FREE char *text = listed("list ruleset");
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static void add(struct prefixes *p, const char *text)
{
	struct ipnet net;
	struct err e = {0};

	assert_int_equal(ipnet_parse(&net, text, &e), 0);
	prefixes_add(p, &net);
}

static struct nl_sock *open_netfilter(void)
{
	struct nl_sock *sock;
	struct err e = {0};

	if (netlink_open(&sock, NETLINK_NETFILTER, &e) < 0)
		fail_msg("%s", e.msg);
	return sock;
}

static int set_up(void **state)
{
	*state = NULL;
	if (!net_loopback())
		return 0;
	*state = strays_new(open_netfilter());
	return 0;
}

static int tear_down(void **state)
{
	strays_free(*state);
	return 0;
}

#define TABLE(family, type, device, metric, some, served)                                          \
	"table " family " kago-lb-" metric " {\n"                                                  \
	"\tset tunnels {\n\t\ttype " type "\n" some "\t}\n\n"                                      \
	"\tset served {\n\t\ttype " type " . inet_service\n" served "\t}\n\n"                      \
	"\tchain prerouting {\n"                                                                   \
	"\t\ttype filter hook prerouting priority raw; policy accept;\n"                           \
	"\t\tiifname != \"" device "\" " family " daddr @tunnels notrack\n"                        \
	"\t\t" family " saddr @tunnels notrack\n\t}\n}\n"

#define TABLE4(metric, some, served) TABLE("ip", "ipv4_addr", "kago0", metric, some, served)
#define TABLE6(metric, some, served) TABLE("ip6", "ipv6_addr", "kago6", metric, some, served)
#define TWO "\t\telements = { 10.1.1.1, 10.1.1.2 }\n"
#define SIX "\t\telements = { fd00::1 }\n"

static const struct places no_places = {0};

static struct places places_at(struct placed *ret, const char *const texts[])
{
	struct places p = {.items = ret};
	struct err e = {0};

	for (; texts[p.n_items]; p.n_items++) {
		ret[p.n_items] = (struct placed){.state = PLACE_USABLE, .ways = PLACE_BY_TUNNEL};
		if (place_parse(&ret[p.n_items].place, texts[p.n_items], &e) < 0)
			fail_msg("%s", e.msg);
	}
	return p;
}

static void rules_follow_vips_and_the_metric(void **state)
{
	static const char *const texts[] = {"10.1.1.1 port 80/tcp", "10.1.1.2 port 80/tcp",
		"10.1.1.2 port 443/tcp", "10.1.1.2 port 53/udp", "fd00::1 port 80/tcp", NULL};
	static const char *const fewer[] = {"10.1.1.1 port 80/tcp", "10.1.1.2 port 443/tcp", NULL};
	struct placed room[8], room_fewer[8];
	const struct places places = places_at(room, texts), rest = places_at(room_fewer, fewer);
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct strays *s = *state;

	if (!s)
		skip();
	strays_set(s, 3, &some, &only, &places);
	assert_listed("");
	add(&some, "10.1.1.1/32");
	add(&some, "10.1.1.2/32");
	add(&some, "fd00::1/128");
	add(&only, "10.1.1.2/32");
	strays_set(s, 3, &some, &only, &places);
	assert_listed(
		TABLE4("3", TWO, "\t\telements = { 10.1.1.2 . 80,\n\t\t\t     10.1.1.2 . 443 }\n")
			TABLE6("3", SIX, ""));
	add(&only, "fd00::1/128");
	strays_set(s, 3, &some, &only, &places);
	assert_listed(
		TABLE4("3", TWO, "\t\telements = { 10.1.1.2 . 80,\n\t\t\t     10.1.1.2 . 443 }\n")
			TABLE6("3", SIX, "\t\telements = { fd00::1 . 80 }\n"));
	strays_set(s, 3, &some, &only, &rest);
	assert_listed(TABLE4("3", TWO, "\t\telements = { 10.1.1.2 . 443 }\n") TABLE6("3", SIX, ""));
	prefixes_done(&only);
	strays_set(s, 2, &some, &only, &rest);
	assert_listed(TABLE4("2", TWO, "") TABLE6("2", SIX, ""));
	prefixes_done(&some);
	strays_set(s, 2, &some, &only, &no_places);
	assert_listed(TABLE4("2", "", "") TABLE6("2", "", ""));
	strays_remove(s);
	assert_listed("");
}

static void more_than_one_batch_of_vips_is_there(void **state)
{
	enum { MANY = 2 * NFT_BATCH_MAX + 1 };
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct strays *s = *state;

	if (!s)
		skip();
	for (int i = 0; i < MANY; i++) {
		CLEANUP_FREE char *text = xasprintf("10.1.%d.%d/32", i / 200, i % 200 + 1);

		add(&some, text);
	}
	strays_set(s, 1, &some, &only, &no_places);
	assert_int_equal(count_listed("10.1."), MANY);
}

/* What a pod that was killed has left under that metric. */
static void what_is_there_already_is_replaced(void **state)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	const struct nft_table left = {AF_INET, "kago-lb-3"};
	struct strays *s = *state;
	struct nft_batch b;
	struct ipaddr old;
	struct nl_sock *sock;
	struct err e = {0};

	if (!s)
		skip();
	assert_int_equal(netlink_open(&sock, NETLINK_NETFILTER, &e), 0);
	assert_int_equal(ipaddr_parse(&old, "10.9.9.9", &e), 0);
	nft_batch_begin(&b);
	nft_batch_add_table(&b, &left);
	nft_batch_add_set(&b, &left, "tunnels");
	nft_batch_add_element(&b, &left, "tunnels", &old);
	assert_int_equal(nft_batch_commit(&b, sock, &e), 0);
	assert_int_equal(count_listed("10.9.9.9"), 1);
	add(&some, "10.1.1.1/32");
	strays_set(s, 3, &some, &only, &no_places);
	assert_listed(TABLE4("3", "\t\telements = { 10.1.1.1 }\n", ""));
	nl_socket_free(sock);
}

/* As `nft flush ruleset` when the node's firewall is loaded anew, or less. */
static void what_others_remove_comes_back(void **state)
{
	static const char *const texts[] = {"10.1.1.1 port 80/tcp", "fd00::1 port 80/tcp", NULL};
	static const char *const commands[] = {"flush ruleset", "delete table ip6 kago-lb-3",
		"flush chain ip kago-lb-3 prerouting",
		"delete element ip kago-lb-3 tunnels { 10.1.1.1 }",
		"delete element ip6 kago-lb-3 served { fd00::1 . 80 }"};
	struct placed room[4];
	const struct places places = places_at(room, texts);
	CLEANUP_PREFIXES struct prefixes some = {0};
	struct strays *s = *state;

	if (!s)
		skip();
	add(&some, "10.1.1.1/32");
	add(&some, "fd00::1/128");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		strays_look(s);
		strays_set(s, 3, &some, &some, &places);
		run(commands[i]);
		strays_look(s);
		strays_set(s, 3, &some, &some, &places);
		assert_table("ip kago-lb-3", TABLE4("3", "\t\telements = { 10.1.1.1 }\n",
						     "\t\telements = { 10.1.1.1 . 80 }\n"));
		assert_table(
			"ip6 kago-lb-3", TABLE6("3", SIX, "\t\telements = { fd00::1 . 80 }\n"));
	}
}

static void what_others_add_is_left_alone(void **state)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct strays *s = *state;

	if (!s)
		skip();
	add(&some, "10.1.1.1/32");
	strays_set(s, 3, &some, &only, &no_places);
	strays_look(s);
	run("add element ip kago-lb-3 tunnels { 10.1.1.2 }");
	run("add table ip theirs");
	strays_look(s);
	strays_set(s, 3, &some, &only, &no_places);
	assert_listed(TABLE4("3", TWO, "") "table ip theirs {\n}\n");
}

/* In the place of a pod that is killed: another process. */
static void leave_tables_of(uint32_t metric)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct strays *s = strays_new(open_netfilter());

	add(&some, "10.1.1.9/32");
	add(&some, "fd00::9/128");
	strays_set(s, metric, &some, &only, &no_places);
	strays_free(s);
	assert_int_equal(count_listed("10.1.1.9"), 1);
}

static void what_nobody_holds_goes(void **state)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct slot_view others = {.held[3] = true};
	struct strays *s = *state;

	if (!s)
		skip();
	leave_tables_of(5);
	strays_set(s, 1, &some, &only, &no_places);
	strays_purge(s, &others);
	assert_listed("");
	/* Our own metric, while we have no rules and once we have some. */
	strays_free(s);
	*state = s = strays_new(open_netfilter());
	leave_tables_of(1);
	strays_set(s, 1, &some, &only, &no_places);
	strays_purge(s, &others);
	assert_listed("");
	add(&some, "10.1.1.1/32");
	strays_set(s, 1, &some, &only, &no_places);
	strays_purge(s, &others);
	assert_listed(TABLE4("1", "\t\telements = { 10.1.1.1 }\n", ""));
}

static void what_others_hold_stays_until_they_die(void **state)
{
	CLEANUP_PREFIXES struct prefixes some = {0}, only = {0};
	struct slot_view others = {.held[5] = true};
	struct strays *s = *state;

	if (!s)
		skip();
	strays_set(s, 1, &some, &only, &no_places);
	strays_purge(s, &others);
	leave_tables_of(5);
	strays_purge(s, &others);
	assert_int_equal(count_listed("table ip kago-lb-5"), 1);
	others.held[5] = false;
	strays_purge(s, &others);
	assert_listed("");
}

static void assert_told_by_sender_and_port(const struct nft_table *t, const char *rule)
{
	static const unsigned char mac[NFT_MAC] = {2, 0, 0, 0, 0, 1};
	struct nl_sock *sock;
	struct nft_batch b;
	struct nft_rule r;
	struct err e = {0};

	assert_int_equal(netlink_open(&sock, NETLINK_NETFILTER, &e), 0);
	nft_batch_begin(&b);
	nft_batch_add_table(&b, t);
	nft_batch_add_port_set(&b, t, "s");
	nft_batch_add_chain(&b, t, "c", 0, -300);
	r = nft_rule_begin(t, "c");
	nft_rule_sender_is(&r, mac);
	nft_rule_protocol_is(&r, IPPROTO_TCP);
	nft_rule_source_port_in(&r, "s");
	nft_rule_drop(&r);
	nft_rule_end(&b, &r);
	assert_int_equal(nft_batch_commit(&b, sock, &e), 0);
	assert_int_equal(count_listed("ether saddr 02:00:00:00:00:01 "), 1);
	assert_int_equal(count_listed(rule), 1);
	nft_batch_begin(&b);
	nft_batch_delete_table(&b, t);
	assert_int_equal(nft_batch_commit(&b, sock, &e), 0);
	nl_socket_free(sock);
}

static void a_rule_can_tell_who_sends_and_drop_it(void **state)
{
	const struct nft_table four = {AF_INET, "t"}, six = {AF_INET6, "t"};

	if (!*state)
		skip();
	assert_told_by_sender_and_port(&four, "ip saddr . tcp sport @s drop");
	assert_told_by_sender_and_port(&six, "ip6 saddr . tcp sport @s drop");
}

static void a_rule_can_tell_what_icmp_says(void **state)
{
	const struct nft_table t = {AF_INET6, "t"};
	struct nl_sock *sock;
	struct nft_batch b;
	struct nft_rule r;
	struct err e = {0};

	if (!*state)
		skip();
	assert_int_equal(netlink_open(&sock, NETLINK_NETFILTER, &e), 0);
	nft_batch_begin(&b);
	nft_batch_add_table(&b, &t);
	nft_batch_add_chain(&b, &t, "c", 0, -300);
	r = nft_rule_begin(&t, "c");
	nft_rule_protocol_is(&r, IPPROTO_ICMPV6);
	nft_rule_icmp_type_is(&r, 2);
	nft_rule_no_track(&r);
	nft_rule_end(&b, &r);
	assert_int_equal(nft_batch_commit(&b, sock, &e), 0);
	assert_int_equal(count_listed("icmpv6 type packet-too-big notrack"), 1);
	nl_socket_free(sock);
}

static void what_the_kernel_refuses_is_told_and_changes_nothing(void **state)
{
	const struct nft_table t = {AF_INET, "t"}, nobody = {AF_INET, "nobody"};
	struct nl_sock *sock;
	struct nft_batch b;
	struct err e = {0};

	if (!*state)
		skip();
	assert_int_equal(netlink_open(&sock, NETLINK_NETFILTER, &e), 0);
	nft_batch_begin(&b);
	nft_batch_add_table(&b, &t);
	nft_batch_delete_table(&b, &nobody);
	assert_int_equal(nft_batch_commit(&b, sock, &e), -ENOENT);
	assert_string_equal(e.msg, "changing nftables: No such file or directory");
	assert_listed("");
	nl_socket_free(sock);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIGGED(rules_follow_vips_and_the_metric),
		RIGGED(more_than_one_batch_of_vips_is_there),
		RIGGED(what_is_there_already_is_replaced),
		RIGGED(what_others_remove_comes_back),
		RIGGED(what_others_add_is_left_alone),
		RIGGED(what_nobody_holds_goes),
		RIGGED(what_others_hold_stays_until_they_die),
		RIGGED(a_rule_can_tell_who_sends_and_drop_it),
		RIGGED(a_rule_can_tell_what_icmp_says),
		RIGGED(what_the_kernel_refuses_is_told_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
