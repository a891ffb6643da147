/* SPDX-License-Identifier: Apache-2.0 */
#include "node/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "node/rt.h"
#include "sockets/sockets.h"

static void test_a_socket_that_was_handed_over_can_be_used(void **state)
{
	CLEANUP_SOCKETS struct sockets all = SOCKETS_NONE;
	CLEANUP(netlink_closep) struct nl_sock *s = NULL;
	CLEANUP_RT_LIST struct rt_list routes = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(sockets_make(&all, "", &e), 0);
	if (netlink_adopt(&s, &all.fds[SOCKETS_ROUTES], NETLINK_ROUTE, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(all.fds[SOCKETS_ROUTES], -1);
	if (rt_dump(&routes, s, RT_LOCAL, AF_INET, &e) < 0)
		fail_msg("%s", e.msg);
}

static void test_what_is_no_such_socket_is_not_taken(void **state)
{
	CLEANUP(netlink_closep) struct nl_sock *s = NULL;
	CLEANUP_SOCKETS struct sockets all = SOCKETS_NONE;
	struct err e = {0};

	(void)state;
	assert_int_equal(sockets_make(&all, "", &e), 0);
	assert_int_equal(netlink_adopt(&s, &all.fds[SOCKETS_ROUTES], NETLINK_SOCK_DIAG, &e), -EIO);
	assert_int_equal(netlink_adopt(&s, &all.fds[SOCKETS_NAMES], NETLINK_ROUTE, &e), -EIO);
	assert_int_equal(sockets_check(&all, &e), 0);
	assert_null(s);
}

static void test_it_is_the_address_that_a_route_sends_from(void **state)
{
	CLEANUP(netlink_closep) struct nl_sock *s = NULL;
	struct ipaddr loopback, found;
	struct err e = {0};

	(void)state;
	assert_int_equal(netlink_open(&s, NETLINK_ROUTE, &e), 0);
	assert_int_equal(ipaddr_parse(&loopback, "127.0.0.1", &e), 0);
	/* It is no address that anybody else could reach. */
	assert_int_equal(rt_source_to(&found, s, &loopback, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_socket_that_was_handed_over_can_be_used),
		cmocka_unit_test(test_what_is_no_such_socket_is_not_taken),
		cmocka_unit_test(test_it_is_the_address_that_a_route_sends_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
