/* SPDX-License-Identifier: Apache-2.0 */
#include "app/readers_guard.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/readers.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;
	struct err e = {0};

	assert_int_equal(ipaddr_parse(&a, text, &e), 0);
	return a;
}

static struct ipnet net(const char *text)
{
	struct ipnet n;
	struct err e = {0};

	assert_int_equal(ipnet_parse(&n, text, &e), 0);
	return n;
}

static bool may(const struct config *c, const char *client)
{
	const struct listen at = {addr("172.16.0.9"), 9440};
	const struct ipaddr from = addr(client);

	return readers_may(c, &at, &from);
}

static void test_those_of_the_list_and_the_pod_itself_may(void **state)
{
	struct ipnet allow[] = {net("10.0.0.0/24"), net("2001:db8::/32")};
	const struct config everybody = {0}, some = {.http = {.allow = allow, .n_allow = 2}};

	(void)state;
	assert_true(may(&everybody, "192.0.2.1"));
	assert_true(may(&some, "10.0.0.255"));
	assert_true(may(&some, "2001:db8::1"));
	assert_true(may(&some, "172.16.0.9"));
	assert_true(may(&some, "127.0.0.1"));
	assert_true(may(&some, "::1"));
	assert_false(may(&some, "10.0.1.0"));
	assert_false(may(&some, "172.16.0.8"));
	assert_false(may(&some, "2001:db9::1"));
}

static void assert_guard(const char *at, const char *allow, bool restricted, const char *sources)
{
	struct ipnet nets[] = {net("10.0.0.0/24"), net("172.16.0.0/16"), net("2001:db8::/32")};
	const struct config c = {.http = {.allow = nets, .n_allow = *allow ? N(nets) : 0}};
	const struct listen where = {addr(at), 9440};
	struct virtual_server own = readers_guard(&c, &where);
	char text[256] = "", one[IPNET_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < own.n_sources; i++)
		len += (size_t)snprintf(
			text + len, sizeof text - len, "%s ", ipnet_format(one, &own.sources[i]));
	assert_int_equal(own.restricted, restricted);
	assert_string_equal(text, sources);
	assert_true(ipaddr_equal(&own.vip, &where.addr));
	assert_int_equal(own.port, 9440);
	assert_int_equal(own.protocol, IPPROTO_TCP);
	free(own.sources);
}

static void test_the_guard_has_those_of_its_family_and_the_pod(void **state)
{
	(void)state;
	assert_guard("172.16.0.9", "", false, "");
	assert_guard("172.16.0.9", "some", true, "10.0.0.0/24 172.16.0.0/16 ");
	assert_guard("192.0.2.9", "some", true, "10.0.0.0/24 172.16.0.0/16 192.0.2.9/32 ");
	assert_guard("2001:db9::9", "some", true, "2001:db8::/32 2001:db9::9/128 ");
}

/* What is no address of a packet cannot be matched by it. */
static void test_all_addresses_and_loopback_have_no_guard(void **state)
{
	(void)state;
	assert_guard("0.0.0.0", "some", false, "");
	assert_guard("::", "some", false, "");
	assert_guard("127.0.0.1", "some", false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_those_of_the_list_and_the_pod_itself_may),
		cmocka_unit_test(test_the_guard_has_those_of_its_family_and_the_pod),
		cmocka_unit_test(test_all_addresses_and_loopback_have_no_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
