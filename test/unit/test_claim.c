/* SPDX-License-Identifier: Apache-2.0 */
#include "node/claim.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/abstract.h"
#include "base/mem.h"

static void test_names_say_which_metric_they_claim(void **state)
{
	static const struct {
		const char *name;
		uint32_t metric;
	} cases[] = {
		{"kago-route-1", 1},
		{"kago-route-19", 19},
		{"kago-route-19.0123456789abcdef", 19},
		{"kago-route-2.", 2},
		{"kago-route-2.3", 2},
		{"", 0},
		{"kago-route-", 0},
		{"kago-route-.1", 0},
		{"kago-route-0", 0},
		{"kago-route-20", 0},
		{"kago-route-4294967297", 0},
		{"kago-route-18446744073709551617", 0},
		{"kago-route-1x", 0},
		{"kago-route--1", 0},
		{"kago-router-1", 0},
		{"other", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (claim_metric(cases[i].name) != cases[i].metric)
			fail_msg("%s claims %u", cases[i].name, claim_metric(cases[i].name));
}

static void test_a_taken_name_is_one_of_many(void **state)
{
	struct claim first, second = {0}, third;
	struct err e = {0};
	CLEANUP_CLOSE int a = -1, b = -1, c = -1;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		print_message("SKIPPED: no network namespace can be made here\n");
		skip();
	}
	a = abstract_socket(SOCK_DGRAM, &e);
	b = abstract_socket(SOCK_DGRAM, &e);
	c = abstract_socket(SOCK_DGRAM, &e);
	assert_int_equal(claim_bind(&first, a, 7, true, &e), 0);
	assert_string_equal(first.name, claim_plain(7).name);
	assert_int_equal(claim_bind(&second, b, 7, false, &e), -EADDRINUSE);
	assert_int_equal(second.metric, 0);
	assert_int_equal(claim_bind(&second, b, 7, true, &e), 0);
	assert_int_equal(claim_bind(&third, c, 7, true, &e), 0);
	assert_string_not_equal(second.name, third.name);
	assert_int_equal(claim_metric(second.name), 7);
	assert_int_equal(third.metric, 7);
	/* Whoever has the name without a suffix comes before all others. */
	assert_true(strcmp(first.name, second.name) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_say_which_metric_they_claim),
		cmocka_unit_test(test_a_taken_name_is_one_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
