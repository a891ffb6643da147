/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fib.h"

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <netlink/msg.h>

#include "node/netlink.h"

#include "lossy_netlink.h"
#include "net_loopback.h"

static struct nl_sock *sock;

static int set_up(void **state)
{
	struct err e = {0};

	*state = NULL;
	if (!net_loopback())
		return 0;
	assert_int_equal(netlink_open(&sock, NETLINK_ROUTE, &e), 0);
	*state = sock;
	alarm(60);
	return 0;
}

static int tear_down(void **state)
{
	netlink_close(*state);
	return 0;
}

static struct ipaddr addr_of(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

static int ask(struct fib_answer *ret, const char *text, struct err *e)
{
	const struct ipaddr a = addr_of(text);

	*e = (struct err){0};
	return fib_ask(ret, sock, &a, e);
}

static void assert_known(const char *text)
{
	struct fib_answer a;
	struct err e;

	if (ask(&a, text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(a.error, 0);
	assert_int_equal(a.type, RTN_LOCAL);
}

/* A route whose packets go in IP tunnels, each of which has its own words. False: no kernel's. */
static bool add_route_in_tunnel(const char *text)
{
	const struct ipaddr a = addr_of(text);
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE);
	struct rtmsg head = {.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST};
	struct nlattr *nest;
	struct err e = {0};

	assert_int_equal(nlmsg_append(m, &head, sizeof head, NLMSG_ALIGNTO), 0);
	nla_put(m, RTA_DST, 4, a.bytes);
	nla_put_u32(m, RTA_OIF, 1);
	nest = nla_nest_start(m, RTA_ENCAP | NLA_F_NESTED);
	nla_put_u64(m, LWTUNNEL_IP_ID, 1);
	nla_put(m, LWTUNNEL_IP_DST, 4, a.bytes);
	nla_nest_end(m, nest);
	nla_put_u16(m, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_IP);
	return netlink_ask(sock, m, NULL, NULL, &e) == 0;
}

static void test_an_answer_that_cannot_be_read_is_none(void **state)
{
	struct fib_answer a;
	struct err e;

	if (!*state || !add_route_in_tunnel("10.9.9.9"))
		skip();
	assert_int_equal(ask(&a, "10.9.9.9", &e), -EPROTO);
	assert_string_equal(e.msg, "asking where the node sends packets: the answer has something "
				   "that is not known here");
	assert_known("127.0.0.1");
}

static void test_no_route_is_an_answer(void **state)
{
	struct fib_answer a;
	struct err e;

	if (!*state)
		skip();
	assert_int_equal(ask(&a, "10.9.9.8", &e), 0);
	assert_int_equal(a.error, ENETUNREACH);
}

static void test_a_lost_message_is_no_answer_and_harms_no_later_question(void **state)
{
	struct fib_answer a;
	struct err e;

	if (!*state)
		skip();
	lossy.send_in = 1;
	assert_int_equal(ask(&a, "127.0.0.1", &e), -EIO);
	assert_known("127.0.0.1");
	lossy.recv_in = 1;
	assert_int_equal(ask(&a, "127.0.0.1", &e), -EIO);
	assert_known("127.0.0.1");
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIGGED(test_an_answer_that_cannot_be_read_is_none),
		RIGGED(test_no_route_is_an_answer),
		RIGGED(test_a_lost_message_is_no_answer_and_harms_no_later_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
