/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/errand.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

enum { TURN = 20 * 1000, TURNS = 500 };

struct run {
	sd_event *loop;
	struct errand *errand;
	unsigned n_done;
	int result;
	struct err e;
	int mark;
};

static void ignore(void *ud)
{
	(void)ud;
}

static int make(void **state)
{
	struct run *run = xnew0(struct run);
	struct err e = {0};

	*state = run;
	return loop_new(&run->loop, ignore, NULL, &e);
}

static int drop(void **state)
{
	struct run *run = *state;

	errand_free(run->errand);
	sd_event_unref(run->loop);
	free(run);
	return 0;
}

static void on_done(void *ud, int result, const struct err *e)
{
	struct run *run = ud;

	run->n_done++;
	run->result = result;
	run->e = *e;
	run->errand = errand_free(run->errand);
}

static void start(struct run *run, int (*fn)(const void *arg, struct err *e))
{
	struct err e = {0};

	assert_int_equal(errand_start(&run->errand, run->loop, fn, run, on_done, run, &e), 0);
}

static void turn(const struct run *run)
{
	assert_true(sd_event_run(run->loop, TURN) >= 0);
}

static void await_done(const struct run *run)
{
	for (int i = 0; i < TURNS && run->n_done == 0; i++)
		turn(run);
	assert_int_equal(run->n_done, 1);
}

static int succeed(const void *arg, struct err *e)
{
	(void)e;
	((struct run *)(uintptr_t)arg)->mark = 1;
	return 7;
}

static void a_result_comes_back_and_memory_does_not(void **state)
{
	struct run *run = *state;

	start(run, succeed);
	assert_int_equal(run->n_done, 0);
	await_done(run);
	assert_int_equal(run->result, 7);
	assert_int_equal(run->mark, 0);
}

static int refuse(const void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ENOSPC, "writing: the disk is full");
}

static void an_error_comes_back_with_its_text(void **state)
{
	struct run *run = *state;

	start(run, refuse);
	await_done(run);
	assert_int_equal(run->result, -ENOSPC);
	assert_string_equal(run->e.msg, "writing: the disk is full");
}

static int die(const void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	raise(SIGKILL);
	return 0;
}

static void an_end_without_a_result_is_an_error(void **state)
{
	struct run *run = *state;

	start(run, die);
	await_done(run);
	assert_int_equal(run->result, -ECHILD);
	assert_true(strlen(run->e.msg) > 0);
}

static int hang(const void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	pause();
	return 0;
}

static void the_loop_goes_on_meanwhile_and_a_freed_one_says_nothing(void **state)
{
	struct run *run = *state;

	start(run, hang);
	turn(run);
	run->errand = errand_free(run->errand);
	turn(run);
	assert_int_equal(run->n_done, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_result_comes_back_and_memory_does_not),
		TEST(an_error_comes_back_with_its_text),
		TEST(an_end_without_a_result_is_an_error),
		TEST(the_loop_goes_on_meanwhile_and_a_freed_one_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
