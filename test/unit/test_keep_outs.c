/* SPDX-License-Identifier: Apache-2.0 */
#include "app/keep_outs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

/* What an address is; "": anybody's. */
static const char *what(const struct keep_outs *k, const char *text)
{
	const struct ipaddr one = addr(text);
	const char *found = "";

	for (size_t i = 0; i < k->n_items; i++)
		if (ipaddr_equal(&k->items[i].addr, &one)) {
			assert_string_equal(found, "");
			found = k->items[i].what;
		}
	return found;
}

static int set_up(void **state)
{
	(void)state;
	setenv("POD_IPS", "172.16.0.1,fd00::1", 1);
	setenv("HOST_IPS", "10.9.0.1", 1);
	setenv("KUBERNETES_SERVICE_HOST", "api.example", 1);
	unsetenv("NODE_IP");
	return 0;
}

static void test_own_ones_are_of_the_environment_and_the_configuration(void **state)
{
	struct config_peer peer = {.address = addr("10.8.0.1")};
	const struct config c = {.bgp = {.peers = &peer, .n_peers = 1}};
	CLEANUP(keep_outs_done) struct keep_outs k = keep_outs_find(&c, false);

	(void)state;
	assert_int_equal(k.n_items, 4);
	assert_string_equal(what(&k, "172.16.0.1"), "this pod's own address");
	assert_string_equal(what(&k, "fd00::1"), "this pod's own address");
	assert_string_equal(what(&k, "10.9.0.1"), "the node's own address");
	assert_string_equal(what(&k, "10.8.0.1"), "a BGP peer");
}

static void test_those_of_the_fleet_come_and_go(void **state)
{
	const struct config c = {0};
	CLEANUP(keep_outs_done) struct keep_outs k = keep_outs_find(&c, false);
	/* The first two are ours. */
	const struct member_address fleet[] = {{addr("10.9.0.1"), true},
		{addr("172.16.0.1"), false}, {addr("10.9.0.2"), true}, {addr("172.16.0.2"), false}};

	(void)state;
	keep_outs_tell(&k, fleet, 4);
	assert_int_equal(k.n_items, 5);
	assert_string_equal(what(&k, "10.9.0.1"), "the node's own address");
	assert_string_equal(what(&k, "172.16.0.1"), "this pod's own address");
	assert_string_equal(what(&k, "10.9.0.2"), "the address of another load balancer's node");
	assert_string_equal(what(&k, "172.16.0.2"), "another load balancer's address");
	keep_outs_tell(&k, fleet, 3);
	assert_string_equal(what(&k, "172.16.0.2"), "");
	keep_outs_tell(&k, NULL, 0);
	assert_int_equal(k.n_items, k.n_own);
	assert_string_equal(what(&k, "10.9.0.1"), "the node's own address");
}

static void test_another_configuration_leaves_those_of_the_fleet(void **state)
{
	struct config_peer peers[] = {{.address = addr("10.8.0.1")}, {.address = addr("10.9.0.3")}};
	struct config c = {.bgp = {.peers = peers, .n_peers = 1}};
	CLEANUP(keep_outs_done) struct keep_outs k = keep_outs_find(&c, false);
	const struct member_address fleet[] = {{addr("10.9.0.2"), true}, {addr("10.9.0.3"), true}};

	(void)state;
	keep_outs_tell(&k, fleet, 2);
	c.bgp.peers++;
	keep_outs_configure(&k, &c, false);
	assert_string_equal(what(&k, "10.8.0.1"), "");
	assert_string_equal(what(&k, "10.9.0.2"), "the address of another load balancer's node");
	assert_string_equal(what(&k, "10.9.0.3"), "a BGP peer");
	keep_outs_tell(&k, NULL, 0);
	assert_int_equal(k.n_items, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_ones_are_of_the_environment_and_the_configuration),
		cmocka_unit_test(test_those_of_the_fleet_come_and_go),
		cmocka_unit_test(test_another_configuration_leaves_those_of_the_fleet),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
