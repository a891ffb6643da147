/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/genetlink.h>
#include <netlink/netlink.h>

#include "base/mem.h"

#include "lossy_netlink.h"

DEFINE_CLEANUP(struct ipvs *, ipvs_close);

/* No family of the kernel's: it answers -ENOENT to whoever asks it. */
enum { UNLOADED = GENL_MAX_ID };

static int family;

/*
 * The kernel that we are tested on need not have IPVS: the family that names the others, which all
 * kernels have, is asked in its place. It has no request of the number that the timeouts are read
 * by; that to remove a service it takes for one of its own, and finds no such family.
 */
int __wrap_genl_ctrl_resolve(struct nl_sock *s, const char *name);
int __wrap_genl_ctrl_resolve(struct nl_sock *s, const char *name)
{
	(void)s;
	(void)name;
	return family;
}

static int ask(struct ipvs *v)
{
	struct ipvs_timeouts t;
	struct err e = {0};

	return ipvs_read_timeouts(&t, v, &e);
}

/* Each answer is that of its own question. */
static void assert_is_answered(struct ipvs *v)
{
	struct err e = {0};

	for (int i = 0; i < 3; i++) {
		int r = ipvs_try(v, AF_INET, "rr", &e);

		if (r == -EOPNOTSUPP || r == -EIO)
			fail_msg("%s", e.msg);
		assert_int_equal(ask(v), -EOPNOTSUPP);
	}
}

static struct ipvs *open_it(int at)
{
	struct ipvs *v = NULL;
	struct err e = {0};

	family = at;
	if (ipvs_open(&v, &e) < 0)
		fail_msg("%s", e.msg);
	return v;
}

static void test_a_request_that_is_lost_harms_no_later_one(void **state)
{
	CLEANUP(ipvs_closep) struct ipvs *v = open_it(GENL_ID_CTRL);

	(void)state;
	assert_is_answered(v);
	lossy.send_in = 1;
	assert_int_equal(ask(v), -EIO);
	assert_is_answered(v);
}

static void test_an_answer_that_is_lost_harms_no_later_one(void **state)
{
	CLEANUP(ipvs_closep) struct ipvs *v = open_it(GENL_ID_CTRL);

	(void)state;
	assert_is_answered(v);
	lossy.recv_in = 1;
	assert_int_equal(ask(v), -EIO);
	assert_is_answered(v);
}

static void test_ipvs_that_was_loaded_anew_is_found(void **state)
{
	CLEANUP(ipvs_closep) struct ipvs *v = open_it(UNLOADED);

	(void)state;
	assert_int_equal(ask(v), -ENOENT);
	family = GENL_ID_CTRL;
	assert_is_answered(v);
}

static void test_what_cannot_be_opened_again_is_tried_at_the_next_request(void **state)
{
	CLEANUP(ipvs_closep) struct ipvs *v = open_it(UNLOADED);

	(void)state;
	assert_int_equal(ask(v), -ENOENT);
	family = -NLE_NOMEM;
	assert_int_equal(ask(v), -EIO);
	assert_int_equal(ask(v), -EIO);
	family = GENL_ID_CTRL;
	assert_is_answered(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_that_is_lost_harms_no_later_one),
		cmocka_unit_test(test_an_answer_that_is_lost_harms_no_later_one),
		cmocka_unit_test(test_ipvs_that_was_loaded_anew_is_found),
		cmocka_unit_test(test_what_cannot_be_opened_again_is_tried_at_the_next_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
