/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/realserver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"

struct fixture {
	struct realserver r;
	struct err e;
};

static int add_vips(struct fixture *f, const char *list)
{
	f->e = (struct err){0};
	return realserver_add_vips(&f->r, list, &f->e);
}

static int add_sources(struct fixture *f, const char *list)
{
	f->e = (struct err){0};
	return realserver_add_sources(&f->r, list, &f->e);
}

/* As they are written in kago.dev/vip, or in a file of one a line. */
static void test_vips_are_a_list(void **state)
{
	struct fixture f = {0};
	const struct ipaddr first = addr_of("10.1.1.1"), last = addr_of("fd00::1");

	(void)state;
	assert_int_equal(add_vips(&f, "10.1.1.1, 10.1.1.2,10.1.1.1\n"), 0);
	assert_int_equal(add_vips(&f, "fd00::1"), 0);
	assert_int_equal(add_vips(&f, ""), 0);
	assert_int_equal(f.r.n_vips, 3);
	assert_true(ipaddr_equal(&f.r.vips[0], &first));
	assert_true(ipaddr_equal(&f.r.vips[2], &last));
	assert_int_equal(realserver_check(&f.r, &f.e), 0);
}

static void test_what_is_no_vip_is_refused(void **state)
{
	static const struct {
		const char *list, *message;
	} cases[] = {
		{"10.1.1.1 web", "'web' is not an IP address"},
		{"127.0.0.1", "'127.0.0.1' cannot be a VIP: it is not a unicast address"},
		{"10.1.1.1/32", "'10.1.1.1/32' is not an IP address"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f = {0};

		assert_int_equal(add_vips(&f, cases[i].list), -EINVAL);
		assert_string_equal(f.e.msg, cases[i].message);
	}
}

static void test_lists_have_an_end(void **state)
{
	struct fixture f = {0};
	char text[IPADDR_TEXT];

	(void)state;
	for (unsigned i = 0; i < LIMIT_REAL_VIPS; i++) {
		snprintf(text, sizeof text, "10.1.1.%u", i);
		assert_int_equal(add_vips(&f, text), 0);
	}
	assert_int_equal(add_vips(&f, "10.1.1.0"), 0);
	assert_int_equal(add_vips(&f, "10.1.2.0"), -EINVAL);
	assert_string_equal(f.e.msg, "more than 64 VIPs");
	for (unsigned i = 0; i < LIMIT_REAL_SOURCES; i++)
		assert_int_equal(add_sources(&f, "10.0.0.1"), 0);
	assert_int_equal(add_sources(&f, "10.0.0.2"), -EINVAL);
	assert_string_equal(f.e.msg, "more than 256 prefixes");
}

static void test_somebody_may_send_to_each_vip(void **state)
{
	struct fixture f = {0};

	(void)state;
	assert_int_equal(realserver_check(&f.r, &f.e), -EINVAL);
	assert_string_equal(f.e.msg, "--vip is needed: the VIPs of the pod's Services");
	assert_int_equal(add_vips(&f, "10.1.1.1,fd00::1"), 0);
	assert_int_equal(add_sources(&f, "172.16.0.0/16,172.16.1.2"), 0);
	assert_int_equal(realserver_check(&f.r, &f.e), -EINVAL);
	assert_string_equal(f.e.msg, "--allow has no IPv6 prefix, so nobody may send to fd00::1");
	assert_int_equal(add_sources(&f, "fd00:16::/32"), 0);
	assert_int_equal(realserver_check(&f.r, &f.e), 0);
	assert_int_equal(f.r.n_sources, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vips_are_a_list),
		cmocka_unit_test(test_what_is_no_vip_is_refused),
		cmocka_unit_test(test_lists_have_an_end),
		cmocka_unit_test(test_somebody_may_send_to_each_vip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
