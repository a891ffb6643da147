/* SPDX-License-Identifier: Apache-2.0 */
#include "host/device.h"

#include <linux/rtnetlink.h>

#include "addresses.h"
#include "net_loopback.h"

/* In a namespace of the test's own, which has a loopback and the routes that are made here. */

static void add_route(struct netlink *n, const char *to, unsigned char type, const char *gateway)
{
	const struct ipaddr addr = addr_of(to), via = addr_of(gateway);
	const bool direct = ipaddr_equal(&addr, &via);
	const struct rtmsg header = {.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_flags = direct ? 0 : RTNH_F_ONLINK,
		.rtm_type = type};
	struct nl_msg *m =
		netlink_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &header, sizeof header);
	struct err e = {0};

	netlink_put(m, RTA_DST, addr.bytes, 4);
	if (type == RTN_UNICAST)
		netlink_put_u32(m, RTA_OIF, if_nametoindex("lo"));
	if (!direct)
		netlink_put(m, RTA_GATEWAY, via.bytes, 4);
	if (netlink_ask(n, m, NULL, NULL, &e) < 0)
		fail_msg("a route to %s: %s", to, e.msg);
}

static struct device_way way_to(struct netlink *n, const char *to)
{
	const struct ipaddr addr = addr_of(to);
	struct device_way way = {0};
	struct err e = {0};

	if (device_way_to(&way, n, &addr, &e) < 0)
		fail_msg("%s: %s", to, e.msg);
	return way;
}

static void test_a_way_is_direct_or_none_or_to_the_node_itself(void **state)
{
	CLEANUP(netlink_closep) struct netlink *n = NULL;
	struct ipaddr addr = addr_of("10.9.0.3");
	struct device_way unused;
	struct err e = {0};

	(void)state;
	if (!net_loopback())
		skip();
	assert_int_equal(netlink_open(&n, NETLINK_ROUTE, &e), 0);
	add_route(n, "10.9.0.1", RTN_UNICAST, "10.9.0.1");
	add_route(n, "10.9.0.2", RTN_UNICAST, "10.9.0.1");
	add_route(n, "10.9.0.3", RTN_BLACKHOLE, "10.9.0.3");
	assert_int_equal(way_to(n, "10.9.0.1").mtu, 65536);
	assert_false(way_to(n, "10.9.0.1").is_own);
	assert_int_equal(way_to(n, "10.9.0.2").mtu, 0);
	assert_false(way_to(n, "10.9.0.2").is_own);
	assert_int_equal(way_to(n, "127.0.0.1").mtu, 0);
	assert_true(way_to(n, "127.0.0.1").is_own);
	assert_true(device_way_to(&unused, n, &addr, &e) < 0);
	addr = addr_of("10.9.0.4");
	assert_int_equal(device_way_to(&unused, n, &addr, &e), -ENETUNREACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_way_is_direct_or_none_or_to_the_node_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
