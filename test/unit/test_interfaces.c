/* SPDX-License-Identifier: Apache-2.0 */
#include "host/interfaces.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "addresses.h"
#include "base/mem.h"
#include "net_loopback.h"

/* In a namespace of the test's own, which has a loopback and what is made here. */

/* With another one, which is the other end. */
static bool add_cable(struct netlink *n, const char *name, unsigned mtu)
{
	const struct ifinfomsg header = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *m = netlink_msg(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
	struct nlattr *info;
	struct err e = {0};

	netlink_put_text(m, IFLA_IFNAME, name);
	netlink_put_u32(m, IFLA_MTU, mtu);
	info = netlink_nest(m, IFLA_LINKINFO);
	netlink_put_text(m, IFLA_INFO_KIND, "veth");
	nla_nest_end(m, info);
	return netlink_ask(n, m, NULL, NULL, &e) == 0;
}

static void add_address(struct netlink *n, const char *device, const char *text, uint8_t scope)
{
	const struct ipaddr addr = addr_of(text);
	const size_t len = ipaddr_bits(&addr) / 8;
	const struct ifaddrmsg header = {.ifa_family = (uint8_t)addr.family,
		.ifa_prefixlen = 24,
		.ifa_flags = IFA_F_NODAD,
		.ifa_scope = scope,
		.ifa_index = if_nametoindex(device)};
	struct err e = {0};
	struct nl_msg *m = netlink_msg(
		RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);

	netlink_put(m, IFA_LOCAL, addr.bytes, len);
	netlink_put(m, IFA_ADDRESS, addr.bytes, len);
	if (netlink_ask(n, m, NULL, NULL, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

static char setting(const char *name)
{
	CLEANUP_FREE char *path = xasprintf("/proc/sys/net/ipv4/conf/%s", name);
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return (char)c;
}

static void test_they_are_those_that_lead_out_of_the_pod(void **state)
{
	CLEANUP(netlink_closep) struct netlink *n = NULL;
	const struct ipaddr four = addr_of("172.16.1.5"), six = addr_of("fd00:16::5");
	struct interfaces i = {0};
	struct err e = {0};

	(void)state;
	if (!net_loopback())
		skip();
	assert_int_equal(netlink_open(&n, NETLINK_ROUTE, &e), 0);
	assert_int_equal(interfaces_read(&i, n, &e), 0);
	assert_int_equal(i.n_addrs + i.n_indexes + i.mtu, 0);
	interfaces_done(&i);
	if (!add_cable(n, "eth0", 1400) || !add_cable(n, "kago0", 1300))
		skip();
	add_address(n, "lo", "10.9.9.9", RT_SCOPE_UNIVERSE);
	add_address(n, "eth0", "172.16.1.5", RT_SCOPE_UNIVERSE);
	add_address(n, "eth0", "172.17.1.6", RT_SCOPE_LINK);
	add_address(n, "eth0", "fd00:16::5", RT_SCOPE_UNIVERSE);
	add_address(n, "kago0", "10.1.1.1", RT_SCOPE_UNIVERSE);
	assert_int_equal(interfaces_read(&i, n, &e), 0);
	assert_int_equal(i.n_addrs, 2);
	assert_true(ipaddrs_have(i.addrs, i.n_addrs, &four));
	assert_true(ipaddrs_have(i.addrs, i.n_addrs, &six));
	assert_int_equal(i.mtu, 1400);
	assert_int_equal(i.n_indexes, 1);
	assert_int_equal(interfaces_hush(&i, n, &e), 0);
	assert_int_equal(setting("eth0/arp_ignore"), '1');
	assert_int_equal(setting("eth0/arp_announce"), '2');
	assert_int_equal(setting("kago0/arp_ignore"), '0');
	interfaces_done(&i);
}

static void test_more_addresses_than_a_pod_may_have_are_refused(void **state)
{
	CLEANUP(netlink_closep) struct netlink *n = NULL;
	struct interfaces i = {0};
	struct err e = {0};
	char text[IPADDR_TEXT];

	(void)state;
	if (!net_loopback())
		skip();
	assert_int_equal(netlink_open(&n, NETLINK_ROUTE, &e), 0);
	if (!add_cable(n, "eth0", 1500))
		skip();
	for (unsigned k = 0; k <= LIMIT_REAL_ADDRESSES; k++) {
		snprintf(text, sizeof text, "172.16.%u.5", k);
		add_address(n, "eth0", text, RT_SCOPE_UNIVERSE);
	}
	assert_int_equal(interfaces_read(&i, n, &e), -E2BIG);
	assert_string_equal(
		e.msg, "looking at the pod's interfaces: 17 addresses; a pod may have 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_are_those_that_lead_out_of_the_pod),
		cmocka_unit_test(test_more_addresses_than_a_pod_may_have_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
