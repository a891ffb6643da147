/* SPDX-License-Identifier: Apache-2.0 */
#include "announce/route.h"

#include <stdio.h>
#include <string.h>

#include "addresses.h"

enum { ROOM = 64 };

static const struct peer_kinds kinds = {.external = 4};

static const struct ipaddr hop4 = {.family = AF_INET, .bytes = {10, 0, 0, 106}};
static const struct ipaddr hop6 = {.family = AF_INET6, .bytes = {0xfd, 1, [15] = 6}};

/* Peers 10.0.0.1 "a", 10.0.0.2 without a name, and fd00::3 "c", which gets no IPv6 routes. */
static struct config_peer peers[3];

static struct route_rules rules_of_peers(void)
{
	static char a[] = "a", none[] = "", c[] = "c";

	peers[0] = (struct config_peer){
		.address = addr_of("10.0.0.1"), .name = a, .ipv4 = true, .ipv6 = true};
	peers[1] = (struct config_peer){
		.address = addr_of("10.0.0.2"), .name = none, .ipv4 = true, .ipv6 = true};
	peers[2] = (struct config_peer){.address = addr_of("fd00::3"), .name = c, .ipv4 = true};
	return (struct route_rules){&hop4, &hop6, peers, 3};
}

static struct attributes *attributes_of(const char *med, const char *prepend, const char *to)
{
	struct attributes *a = attributes_new();
	struct err e = {0};

	if (med && attributes_set_med(a, med, &e) < 0)
		fail_msg("%s", e.msg);
	if (prepend && attributes_set_prepend(a, prepend, &e) < 0)
		fail_msg("%s", e.msg);
	if (to && attributes_set_peers(a, to, &e) < 0)
		fail_msg("%s", e.msg);
	return a;
}

/* Consumes `a`. */
static void write_page(struct book *b, const char *net, struct attributes *a)
{
	const struct ipnet at = net_of(net);

	book_set(b, &at, a);
	attributes_unref(a);
}

static struct prefixes set_of(const char *const nets[], size_t n)
{
	struct prefixes p = {0};

	for (size_t i = 0; i < n; i++) {
		const struct ipnet net = net_of(nets[i]);

		prefixes_add(&p, &net);
	}
	return p;
}

#define SET(...)                                                                                   \
	set_of((const char *const[]){__VA_ARGS__},                                                 \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* "PREFIX PEERS MED+PREPEND" of each, peers in hex. */
static void assert_routes(const struct routes_out *r, const char *expected)
{
	char text[1024] = "", net[IPNET_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < r->n_items; i++) {
		const struct route *one = &r->items[i];

		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %x %u+%u",
			i ? ", " : "", ipnet_format(net, &one->net), one->peers,
			one->attributes ? one->attributes->med : 0,
			one->attributes ? one->attributes->prepend : 0);
	}
	assert_string_equal(text, expected);
}

static void test_routes_have_what_is_said_of_them_and_else_the_defaults(void **state)
{
	CLEANUP_PREFIXES struct prefixes p =
		SET("10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32", "10.1.1.4/32", "fd00:1::1/128");
	CLEANUP(attributes_unrefp) struct attributes *defaults = attributes_of("7", "1", NULL);
	const struct route_rules rules = rules_of_peers();
	CLEANUP_BOOK struct book b = {0};
	CLEANUP_ROUTES_OUT struct routes_out out = {0};

	(void)state;
	write_page(&b, "10.1.1.3/32", attributes_of(NULL, NULL, "a fd00::3"));
	book_set_defaults(&b, defaults);
	write_page(&b, "10.1.1.2/32", attributes_of("0", NULL, NULL));
	write_page(&b, "10.1.1.4/32", attributes_of(NULL, NULL, "nobody"));
	write_page(&b, "fd00:1::1/128", attributes_of(NULL, "3", "10.0.0.2 c"));
	write_page(&b, "10.1.1.9/32", attributes_of("9", NULL, NULL));
	out = routes_build(&p, &b, &rules);
	assert_routes(&out,
		"10.1.1.1/32 7 7+1, 10.1.1.2/32 7 0+1, 10.1.1.3/32 5 7+1, fd00:1::1/128 2 7+3");
	assert_true(ipaddr_equal(&out.items[0].next_hop, &hop4));
	assert_true(ipaddr_equal(&out.items[3].next_hop, &hop6));
}

static void test_what_left_is_known_as_long_as_there_is_a_route(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32"), none = {0};
	const struct route_rules rules = rules_of_peers();
	const struct ipnet one = net_of("10.1.1.1/32"), other = net_of("10.1.1.2/32");
	CLEANUP_BOOK struct book b = {0};
	CLEANUP_ROUTES_OUT struct routes_out out = {0};

	(void)state;
	write_page(&b, "10.1.1.1/32", attributes_of(NULL, NULL, "a"));
	write_page(&b, "10.1.1.2/32", attributes_of(NULL, NULL, "a"));
	book_leave(&b, &one);
	book_leave(&b, &other);
	book_sweep(&b, &p);
	assert_int_equal(b.n_items, 1);
	out = routes_build(&p, &b, &rules);
	assert_routes(&out, "10.1.1.1/32 1 0+0");
	book_sweep(&b, &none);
	assert_int_equal(b.n_items, 0);
	/* That nothing is said any more counts at once. */
	write_page(&b, "10.1.1.1/32", attributes_of(NULL, NULL, "a"));
	book_set(&b, &one, NULL);
	book_sweep(&b, &p);
	assert_int_equal(b.n_items, 0);
}

/* "+PREFIX PEERS" or "-PREFIX PEERS" of each, "." behind the last of a route. */
static void assert_orders(
	const struct routes_out *from, const struct routes_out *to, const char *expected)
{
	struct order orders[ROOM];
	size_t n = orders_build(orders, ROOM, from, to, kinds), len = 0;
	char text[1024] = "", net[IPNET_TEXT];

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s %x%s", i ? ", " : "",
			orders[i].announces ? "+" : "-", ipnet_format(net, &orders[i].route.net),
			orders[i].route.peers, orders[i].settles ? "." : "");
	assert_string_equal(text, expected);
}

static struct routes_out routes_of(const struct prefixes *p, const struct book *b)
{
	const struct route_rules rules = rules_of_peers();

	return routes_build(p, b, &rules);
}

static void test_a_change_withdraws_from_nobody_who_keeps_it(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32");
	CLEANUP_BOOK struct book before = {0}, after = {0};
	CLEANUP_ROUTES_OUT struct routes_out from = {0}, to = {0}, nothing = {0};

	(void)state;
	write_page(&before, "10.1.1.3/32", attributes_of(NULL, NULL, "a c"));
	write_page(&after, "10.1.1.1/32", attributes_of("5", NULL, NULL));
	write_page(&after, "10.1.1.3/32", attributes_of(NULL, NULL, "a 10.0.0.2"));
	from = routes_of(&p, &before);
	to = routes_of(&p, &after);
	assert_orders(&from, &to, "+10.1.1.1/32 7., -10.1.1.3/32 4, +10.1.1.3/32 2.");
	assert_orders(&from, &from, "");
	assert_orders(&nothing, &from, "+10.1.1.1/32 7., +10.1.1.2/32 7., +10.1.1.3/32 5.");
	assert_orders(&from, &nothing, "-10.1.1.1/32 7., -10.1.1.2/32 7., -10.1.1.3/32 5.");
}

static void test_who_gets_a_longer_path_is_told_so_alone(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32"),
					 both = SET("10.1.1.1/32", "10.1.1.2/32");
	CLEANUP_BOOK struct book b = {0};
	CLEANUP_ROUTES_OUT struct routes_out from = {0}, to = {0};

	(void)state;
	write_page(&b, "10.1.1.1/32", attributes_of(NULL, "2", NULL));
	from = routes_of(&both, &(struct book){0});
	to = routes_of(&p, &b);
	/* What goes altogether goes first. */
	assert_orders(&from, &to, "-10.1.1.2/32 7., +10.1.1.1/32 3, +10.1.1.1/32 4.");
}

/* What was ordered and noted is what was wanted, in steps of any size. */
/* The second peer takes IPv4 routes by IPv6. */
static struct routes_out routes_extended(
	const struct prefixes *p, const struct book *b, bool has_hop4, bool has_hop6)
{
	struct route_rules rules = rules_of_peers();

	peers[1].extended_next_hop = true;
	if (!has_hop4)
		rules.next_hop4 = NULL;
	if (!has_hop6)
		rules.next_hop6 = NULL;
	return routes_build(p, b, &rules);
}

/* "+PREFIX HOP PEERS" of each. */
static void assert_hops(
	const struct routes_out *from, const struct routes_out *to, const char *expected)
{
	const struct peer_kinds extended = {.external = 4, .extended = 2};
	char text[1024] = "", net[IPNET_TEXT], hop[IPADDR_TEXT];
	struct order orders[ROOM];
	size_t n = orders_build(orders, ROOM, from, to, extended), len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s %s %x",
			i ? ", " : "", orders[i].announces ? "+" : "-",
			ipnet_format(net, &orders[i].route.net),
			ipaddr_format(hop, &orders[i].route.next_hop), orders[i].route.peers);
	assert_string_equal(text, expected);
}

static void test_who_gets_ipv4_by_ipv6_is_told_so_alone(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32", "fd00:1::1/128");
	CLEANUP_BOOK struct book said = {0}, longer = {0};
	CLEANUP_ROUTES_OUT struct routes_out both = {0}, only6 = {0}, only4 = {0}, path = {0},
					     nothing = {0};

	(void)state;
	both = routes_extended(&p, &said, true, true);
	assert_hops(&nothing, &both,
		"+10.1.1.1/32 10.0.0.106 5, +10.1.1.1/32 fd01::6 2, +fd00:1::1/128 fd01::6 3");
	assert_hops(&both, &nothing,
		"-10.1.1.1/32 10.0.0.106 5, -10.1.1.1/32 fd01::6 2, -fd00:1::1/128 fd01::6 3");
	only6 = routes_extended(&p, &said, false, true);
	assert_hops(&nothing, &only6, "+10.1.1.1/32 fd01::6 2, +fd00:1::1/128 fd01::6 3");
	assert_hops(&both, &only6, "-10.1.1.1/32 10.0.0.106 5, +10.1.1.1/32 fd01::6 2");
	only4 = routes_extended(&p, &said, true, false);
	assert_hops(&nothing, &only4, "+10.1.1.1/32 10.0.0.106 5");
	write_page(&longer, "10.1.1.1/32", attributes_of(NULL, "2", NULL));
	path = routes_extended(&p, &longer, true, true);
	assert_hops(&both, &path,
		"+10.1.1.1/32 10.0.0.106 1, +10.1.1.1/32 fd01::6 2, +10.1.1.1/32 10.0.0.106 4");
}

static void test_peers_that_move_keep_their_routes(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32");
	const struct route_rules rules = rules_of_peers();
	const int now[] = {PEER_GONE, 3, 0};
	CLEANUP_BOOK struct book b = {0};
	CLEANUP_ROUTES_OUT struct routes_out out = {0};

	(void)state;
	write_page(&b, "10.1.1.1/32", attributes_of("1", NULL, "a"));
	write_page(&b, "10.1.1.2/32", attributes_of("2", NULL, "a 10.0.0.2"));
	out = routes_build(&p, &b, &rules);
	assert_routes(&out, "10.1.1.1/32 1 1+0, 10.1.1.2/32 3 2+0, 10.1.1.3/32 7 0+0");
	routes_out_renumber(&out, now, 3);
	assert_routes(&out, "10.1.1.2/32 8 2+0, 10.1.1.3/32 9 0+0");
}

static void test_orders_lead_to_what_is_wanted(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = SET("10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32"),
					 q = SET("10.1.1.2/32", "10.1.1.3/32", "10.1.1.4/32");
	CLEANUP_BOOK struct book b = {0};
	CLEANUP_ROUTES_OUT struct routes_out now = {0}, to = {0};
	struct order orders[ROOM];
	size_t n, steps = 0;

	(void)state;
	write_page(&b, "10.1.1.3/32", attributes_of("1", "2", "a c"));
	now = routes_of(&p, &(struct book){0});
	to = routes_of(&q, &b);
	while ((n = orders_build(orders, ORDERS_OF_ROUTE + 1, &now, &to, kinds)) > 0) {
		assert_true(orders[n - 1].settles && ++steps < 10);
		for (size_t i = 0; i < n; i++)
			if (orders[i].settles)
				routes_out_note(&now, &orders[i].route.net, orders[i].settled);
	}
	assert_true(routes_out_equal(&now, &to));
	assert_int_equal(routes_out_count(&now, 1), 3);
	assert_int_equal(routes_out_count(&now, 2), 2);
}

static void test_what_kago_yaml_says_holds_where_a_service_says_nothing(void **state)
{
	static char communities[] = "65000:100 no-export", none[] = "";
	struct config c = {.bgp = {.communities = communities,
				   .local_preference = 200,
				   .med = 50,
				   .as_path_prepend = 2}};
	CLEANUP_BOOK struct book b = {0};
	const struct attributes *all;

	(void)state;
	write_page(&b, "10.1.1.1/32", attributes_of("7", NULL, NULL));
	book_set_config(&b, &c);
	all = b.items[0].all;
	assert_int_equal(all->communities.n_items, 2);
	assert_int_equal(all->local_preference, 200);
	assert_int_equal(all->med, 7);
	assert_int_equal(all->prepend, 2);
	assert_int_equal(b.defaults->med, 50);
	/* What needs not be said is left to the peer. */
	c.bgp.communities = none;
	c.bgp.local_preference = 100;
	c.bgp.med = 0;
	book_set_config(&b, &c);
	assert_int_equal(b.defaults->communities.n_items, 0);
	assert_int_equal(b.defaults->said, ATTRIBUTES_PREPEND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes_have_what_is_said_of_them_and_else_the_defaults),
		cmocka_unit_test(test_what_kago_yaml_says_holds_where_a_service_says_nothing),
		cmocka_unit_test(test_what_left_is_known_as_long_as_there_is_a_route),
		cmocka_unit_test(test_a_change_withdraws_from_nobody_who_keeps_it),
		cmocka_unit_test(test_who_gets_a_longer_path_is_told_so_alone),
		cmocka_unit_test(test_who_gets_ipv4_by_ipv6_is_told_so_alone),
		cmocka_unit_test(test_peers_that_move_keep_their_routes),
		cmocka_unit_test(test_orders_lead_to_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
