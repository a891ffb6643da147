/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "base/abstract.h"
#include "loop/loop.h"
#include "net_loopback.h"

/* In a namespace of the test's own; seconds are short. */

void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);

void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	__real_loop_timer_arm(timer, after / 100);
}

static unsigned n_held;

static void on_held(void *ud)
{
	(void)ud;
	n_held++;
}

static int set_up(void **state)
{
	sd_event *loop;

	if (!net_loopback())
		return -1;
	n_held = 0;
	assert_int_equal(sd_event_new(&loop), 0);
	*state = loop;
	return 0;
}

static int tear_down(void **state)
{
	sd_event_unref(*state);
	return 0;
}

static struct sole *start(sd_event *loop, const char *fleet)
{
	struct sole *s = NULL;
	struct err e = {0};

	if (sole_new(&s, loop, fleet, on_held, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

/* Until it holds, for at most so many msec. */
static bool holds_within(sd_event *loop, const struct sole *s, uint64_t msec)
{
	uint64_t end = loop_clock() + msec * 1000;

	while (!sole_holds(s) && loop_clock() < end)
		sd_event_run(loop, 10 * 1000);
	return sole_holds(s);
}

static void test_a_node_has_one_agent_and_the_next_one_when_that_has_ended(void **state)
{
	struct sole *first = start(*state, "edge"), *second = start(*state, "other");

	assert_true(sole_holds(first));
	assert_false(holds_within(*state, second, 100));
	sole_free(first);
	assert_true(holds_within(*state, second, 5000));
	assert_int_equal(n_held, 1);
	sole_free(second);
}

/* A name that nobody listens at would keep all agents away for ever. */
static void test_who_only_has_the_name_is_no_agent(void **state)
{
	struct err e = {0};
	CLEANUP_CLOSE int fd = abstract_socket(SOCK_DGRAM, &e);
	struct sole *s;

	assert_int_equal(abstract_bind(fd, SOLE_NAME, &e), 0);
	s = start(*state, "edge");
	assert_true(holds_within(*state, s, 5000));
	sole_free(s);
}

/* Listens as somebody else until `until` is closed. */
static pid_t impostor(int ready, int until)
{
	pid_t pid = fork();
	struct err e = {0};
	char unused;
	int fd;

	if (pid != 0)
		return pid;
	if (setuid(65534) < 0)
		_exit(1);
	fd = abstract_socket(SOCK_STREAM, &e);
	if (abstract_bind(fd, SOLE_NAME, &e) < 0 || listen(fd, 8) < 0 || write(ready, "", 1) != 1)
		_exit(1);
	_exit(read(until, &unused, 1) < 0);
}

static void test_another_user_keeps_no_agent_away(void **state)
{
	int ready[2], until[2], status;
	struct sole *s;
	pid_t pid;
	char unused;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(until), 0);
	pid = impostor(ready[1], until[0]);
	assert_int_equal(read(ready[0], &unused, 1), 1);
	s = start(*state, "edge");
	assert_true(sole_holds(s));
	assert_int_equal(write(until[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	sole_free(s);
	for (int i = 0; i < 2; i++)
		close(ready[i]), close(until[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_node_has_one_agent_and_the_next_one_when_that_has_ended, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_who_only_has_the_name_is_no_agent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_another_user_keeps_no_agent_away, set_up, tear_down),
	};

	/* Where none may be made there is nothing to be tested. */
	return net_loopback() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
