/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/timeouts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "loop/loop.h"

/* A kernel that may refuse, or take less than it is given. */
static struct {
	struct ipvs_timeouts held;
	int refusal;
	bool deaf_to_udp;
	unsigned n_writes;
} kernel;

static const struct ipvs_timeouts wanted = {7440, 120, 300};

int __wrap_ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e);
int __wrap_ipvs_write_timeouts(struct ipvs *v, const struct ipvs_timeouts *t, struct err *e);

int __wrap_ipvs_read_timeouts(struct ipvs_timeouts *ret, struct ipvs *v, struct err *e)
{
	(void)v;
	(void)e;
	*ret = kernel.held;
	return 0;
}

int __wrap_ipvs_write_timeouts(struct ipvs *v, const struct ipvs_timeouts *t, struct err *e)
{
	uint32_t udp = kernel.deaf_to_udp ? kernel.held.udp : t->udp;

	(void)v;
	kernel.n_writes++;
	if (kernel.refusal < 0)
		return err_errno(e, -kernel.refusal, "setting the timeouts of IPVS");
	kernel.held = (struct ipvs_timeouts){t->tcp, t->tcp_fin, udp};
	return 0;
}

static void ignore(void *ud)
{
	(void)ud;
}

static struct timeouts *begin(sd_event **ret_loop)
{
	struct timeouts *t;
	struct err e = {0};

	assert_int_equal(loop_new(ret_loop, ignore, NULL, &e), 0);
	assert_int_equal(timeouts_new(&t, *ret_loop, NULL, &wanted, &e), 0);
	return t;
}

static void end(struct timeouts *t, sd_event *loop)
{
	timeouts_free(t);
	sd_event_unref(loop);
}

static int new_kernel(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof kernel);
	kernel.held = (struct ipvs_timeouts){900, 120, 300};
	return 0;
}

static void they_are_set_at_the_start_and_when_others_are_wanted(void **state)
{
	const struct ipvs_timeouts others = {60, 120, 300};
	sd_event *loop;
	struct timeouts *t = begin(&loop);

	(void)state;
	assert_memory_equal(&kernel.held, &wanted, sizeof wanted);
	assert_string_equal(timeouts_status(t).trouble, "");
	timeouts_want(t, &wanted);
	assert_int_equal(kernel.n_writes, 1);
	timeouts_want(t, &others);
	assert_int_equal(timeouts_status(t).held.tcp, 60);
	end(t, loop);
}

static void what_is_right_is_not_set(void **state)
{
	sd_event *loop;
	struct timeouts *t;

	(void)state;
	kernel.held = wanted;
	t = begin(&loop);
	end(t, loop);
	assert_int_equal(kernel.n_writes, 0);
}

static void a_refusal_is_told_and_tried_again(void **state)
{
	sd_event *loop;
	struct timeouts *t;

	(void)state;
	kernel.refusal = -EPERM;
	t = begin(&loop);
	assert_string_equal(timeouts_status(t).trouble,
		"setting the timeouts of IPVS: Operation not permitted");
	assert_int_equal(timeouts_status(t).held.tcp, 900);
	kernel.refusal = 0;
	timeouts_want(t, &wanted);
	assert_string_equal(timeouts_status(t).trouble, "");
	end(t, loop);
}

static void what_the_kernel_takes_without_setting_it_is_told(void **state)
{
	sd_event *loop;
	struct timeouts *t;

	(void)state;
	kernel.held.udp = 0;
	kernel.deaf_to_udp = true;
	t = begin(&loop);
	assert_string_equal(timeouts_status(t).trouble,
		"the timeouts of IPVS stay tcp 7440 s, tcpFin 120 s, udp 0 s");
	end(t, loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			they_are_set_at_the_start_and_when_others_are_wanted, new_kernel),
		cmocka_unit_test_setup(what_is_right_is_not_set, new_kernel),
		cmocka_unit_test_setup(a_refusal_is_told_and_tried_again, new_kernel),
		cmocka_unit_test_setup(
			what_the_kernel_takes_without_setting_it_is_told, new_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
