/* SPDX-License-Identifier: Apache-2.0 */
#include "doorkeeper.h"

#include <stdlib.h>

#include "addresses.h"

/* The configuration has all the peers that there can be. */
static struct config *crowded(void)
{
	static struct config_peer peers[LIMIT_BGP_PEERS];
	static struct config_other_peer others[LIMIT_OTHER_PEERS];
	static struct config c = {.bgp = {.peers = peers, .n_peers = LIMIT_BGP_PEERS}};

	for (unsigned i = 0; i < LIMIT_BGP_PEERS; i++) {
		peers[i].address = addr_of("10.0.1.0");
		peers[i].address.v4.s_addr += htonl(i);
		peers[i].local_address = addr_of("172.16.1.11");
	}
	for (unsigned i = 0; i < LIMIT_OTHER_PEERS; i++) {
		others[i].address = addr_of("10.0.2.0");
		others[i].address.v4.s_addr += htonl(i);
	}
	c.bgp.other_peers = others;
	c.bgp.n_other_peers = LIMIT_OTHER_PEERS;
	return &c;
}

static void test_no_router_of_the_fleet_is_a_vip(void **state)
{
	const struct site site = {
		.pod.v4 = addr_of("172.16.1.11"), .node.v4 = addr_of("10.0.1.101")};
	struct vip items[] = {{addr_of("10.0.1.15"), true}, {addr_of("10.0.2.0"), true},
		{addr_of("10.0.2.255"), true}, {addr_of("10.0.3.1"), true}};
	const struct vips all = {items, 4};
	const struct ipnet last = net_of("10.0.2.255"), vip = net_of("10.0.3.1");
	struct doorkeeper d = {0};
	struct vips pass;

	(void)state;
	doorkeeper_set(&d, crowded(), &site);
	pass = doorkeeper_pass(&d, &all);
	assert_int_equal(pass.n_items, 1);
	assert_true(ipaddr_equal(&pass.items[0].addr, &items[3].addr));
	assert_non_null(doorkeeper_why_not(&d, &last));
	assert_null(doorkeeper_why_not(&d, &vip));
	free(pass.items);
	doorkeeper_done(&d);
}

static void test_where_routes_lead_is_no_vip(void **state)
{
	const struct config c = {.bgp.next_hop.ipv4 = {CONFIG_HOP_FIXED, addr_of("10.0.3.1")}};
	const struct site site = {
		.pod.v4 = addr_of("172.16.1.11"), .node.v4 = addr_of("10.0.1.101")};
	struct vip item = {addr_of("10.0.3.1"), true};
	const struct vips all = {&item, 1};
	const struct ipnet hop = net_of("10.0.3.1");
	struct doorkeeper d = {0};
	struct vips pass;

	(void)state;
	doorkeeper_set(&d, &c, &site);
	pass = doorkeeper_pass(&d, &all);
	assert_int_equal(pass.n_items, 0);
	assert_string_equal(
		doorkeeper_why_not(&d, &hop), "it is or contains an address of bgp.nextHop");
	free(pass.items);
	doorkeeper_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_router_of_the_fleet_is_a_vip),
		cmocka_unit_test(test_where_routes_lead_is_no_vip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
