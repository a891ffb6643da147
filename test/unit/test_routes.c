/* SPDX-License-Identifier: Apache-2.0 */
#include "node/routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "node/netlink.h"
#include "node/rt.h"

#include "lossy_netlink.h"
#include "net_loopback.h"

/* In a namespace of the test's own, which is the pod's and the node's, with its kernel. */

enum { LOOPBACK = 1, STALE = 15 };

struct rig {
	struct site site;
	struct routes *routes;
	struct nl_sock *sock;
	struct prefixes wanted, ready;
};

static struct ipnet net_of(const char *text)
{
	struct ipnet net;
	struct err e = {0};

	assert_int_equal(ipnet_parse(&net, text, &e), 0);
	return net;
}

static void want(struct rig *rig, const char *text)
{
	const struct ipnet net = net_of(text);

	prefixes_add(&rig->wanted, &net);
}

/* The node's own route to the pod, as its network plugin sets it. */
static void set_way_to_pod(struct rig *rig, bool there)
{
	const struct ipaddr *pod = &rig->site.pod.v4;
	struct nl_addr *dst = nl_addr_build(AF_INET, pod->bytes, 4);
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	rtnl_route_set_family(route, AF_INET);
	rtnl_route_set_dst(route, dst);
	rtnl_route_set_scope(route, RT_SCOPE_LINK);
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_nh_set_ifindex(hop, LOOPBACK);
	rtnl_route_add_nexthop(route, hop);
	assert_int_equal(there ? rtnl_route_add(rig->sock, route, NLM_F_CREATE)
			       : rtnl_route_delete(rig->sock, route, 0),
		0);
	rtnl_route_put(route);
	nl_addr_put(dst);
}

static int set_up(void **state)
{
	static struct rig rig;
	CLEANUP_SOCKETS struct sockets node = SOCKETS_NONE;
	struct err e = {0};

	*state = NULL;
	rig = (struct rig){.site.pod.v4 = net_of("10.244.1.5/32").addr};
	if (!net_loopback())
		return 0;
	assert_int_equal(netlink_open(&rig.sock, NETLINK_ROUTE, &e), 0);
	set_way_to_pod(&rig, true);
	assert_int_equal(sockets_make(&node, "", &e), 0);
	if (routes_open(&rig.routes, &node, &rig.site, &e) < 0)
		fail_msg("%s", e.msg);
	want(&rig, "192.0.2.10/32");
	want(&rig, "192.0.2.11/32");
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	if (!rig)
		return 0;
	routes_close(rig->routes);
	netlink_close(rig->sock);
	prefixes_done(&rig->wanted);
	prefixes_done(&rig->ready);
	return 0;
}

static int apply(struct rig *rig, struct err *e)
{
	prefixes_done(&rig->ready);
	*e = (struct err){0};
	return routes_apply(&rig->ready, rig->routes, &rig->wanted, &rig->wanted, e);
}

static void assert_applied(struct rig *rig)
{
	struct err e;

	if (apply(rig, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(prefixes_equal(&rig->ready, &rig->wanted));
}

static size_t count_on_node(const struct rig *rig, uint32_t metric)
{
	CLEANUP_RT_LIST struct rt_list found = {0};
	struct err e = {0};
	size_t n = 0;

	assert_int_equal(rt_dump(&found, rig->sock, RT_VIA, AF_INET, &e), 0);
	for (size_t i = 0; i < found.n_items; i++)
		n += found.items[i].metric == metric;
	return n;
}

static void set_stale_route(const struct rig *rig)
{
	const struct rt left = {net_of("192.0.2.99/32"), rig->site.pod.v4, LOOPBACK, STALE};
	struct err e = {0};

	if (rt_add(rig->sock, RT_VIA, &left, &e) < 0)
		fail_msg("%s", e.msg);
}

static void test_without_a_way_to_the_pod_its_routes_stay(void **state)
{
	struct rig *rig = *state;
	struct err e;

	if (!rig) {
		skip();
		return;
	}
	assert_applied(rig);
	assert_int_equal(count_on_node(rig, routes_metric(rig->routes)), 2);
	set_stale_route(rig);
	set_way_to_pod(rig, false);
	assert_int_equal(apply(rig, &e), -EHOSTUNREACH);
	assert_int_equal(count_on_node(rig, routes_metric(rig->routes)), 2);
	assert_int_equal(count_on_node(rig, STALE), 0);
	assert_true(prefixes_equal(&rig->ready, &rig->wanted));
	set_way_to_pod(rig, true);
	assert_applied(rig);
}

/* As memory runs out for a moment: at each message that goes out or comes in. */
static void test_a_lost_message_harms_nothing_for_long(void **state)
{
	enum { MESSAGES = 24 };
	struct rig *rig = *state;
	struct err unused;

	if (!rig) {
		skip();
		return;
	}
	assert_applied(rig);
	for (int i = 1; i <= MESSAGES; i++) {
		CLEANUP_FREE char *text = xasprintf("192.0.3.%d/32", i);

		want(rig, text);
		lossy.send_in = i;
		apply(rig, &unused);
		lossy.send_in = 0;
		assert_applied(rig);
		prefixes_done(&rig->wanted);
		lossy.recv_in = i;
		apply(rig, &unused);
		lossy.recv_in = 0;
		assert_applied(rig);
		want(rig, "192.0.2.10/32");
	}
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIGGED(test_without_a_way_to_the_pod_its_routes_stay),
		RIGGED(test_a_lost_message_harms_nothing_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
