/* SPDX-License-Identifier: Apache-2.0 */
#include "node/supply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "sockets/passing.h"

enum { TURN = 20 * 1000, TURNS = 500, SOONER = 200 };

/* The pauses that were asked for, which are made shorter. */
static uint64_t pauses[64];
static size_t n_pauses;

void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);

void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	if (n_pauses < sizeof pauses / sizeof pauses[0])
		pauses[n_pauses++] = after;
	__real_loop_timer_arm(timer, after / SOONER);
}

struct fixture {
	sd_event *loop;
	struct supply *supply;
	char name[64];
	int listener, conn;
	unsigned n_given;
};

static void on_sockets(void *ud, struct sockets *s)
{
	struct fixture *f = ud;
	struct err e = {0};

	assert_int_equal(sockets_check(s, &e), 0);
	f->n_given++;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static int setup(void **state)
{
	static struct fixture f;
	struct err e = {0};

	f = (struct fixture){.listener = -1, .conn = -1};
	n_pauses = 0;
	snprintf(f.name, sizeof f.name, "/tmp/kago-test-supply-%d", getpid());
	*state = &f;
	if (loop_new(&f.loop, on_stop, NULL, &e) < 0)
		return -1;
	return supply_open(&f.supply, f.loop, f.name, on_sockets, &f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	supply_close(f->supply);
	sd_event_unref(f->loop);
	closep(&f->listener);
	closep(&f->conn);
	unlink(f->name);
	return 0;
}

static void turn(struct fixture *f)
{
	assert_true(sd_event_run(f->loop, TURN) >= 0);
}

static void run_until_pause(struct fixture *f, size_t n)
{
	for (int i = 0; i < TURNS && n_pauses < n; i++)
		turn(f);
	assert_true(n_pauses >= n);
}

static void come(struct fixture *f)
{
	struct err e = {0};

	if (passing_listen(&f->listener, f->name, &e) < 0)
		fail_msg("%s", e.msg);
}

/* The next connection. */
static void let_in(struct fixture *f)
{
	closep(&f->conn);
	f->conn = -1;
	for (int i = 0; i < TURNS && f->conn < 0; i++) {
		turn(f);
		f->conn = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	assert_true(f->conn >= 0);
}

static int dont_block(int fd)
{
	struct timeval soon = {.tv_usec = 1000};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
}

static void give(struct fixture *f)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	assert_int_equal(sockets_make(&s, "", &e), 0);
	assert_int_equal(passing_send(f->conn, &s, &e), 0);
	for (int i = 0; i < TURNS && f->n_given == 0; i++)
		turn(f);
	assert_int_equal(f->n_given, 1);
}

static void start_helper(struct fixture *f)
{
	come(f);
	assert_int_equal(dont_block(f->listener), 0);
}

/* Whatever it did before. */
static void assert_all_is_well_in_the_end(struct fixture *f)
{
	assert_int_equal(f->n_given, 0);
	let_in(f);
	give(f);
	for (int i = 0; i < 10; i++)
		turn(f);
	assert_int_equal(f->n_given, 1);
}

static void test_one_that_is_late(void **state)
{
	struct fixture *f = *state;

	/* It is asked soon at first, and seldom later on. */
	run_until_pause(f, 12);
	assert_true(pauses[1] >= 100 * 1000 && pauses[1] <= 125 * 1000);
	assert_true(pauses[2] >= 200 * 1000 && pauses[2] <= 250 * 1000);
	for (size_t i = 8; i < n_pauses; i++)
		assert_true(pauses[i] >= 5000 * 1000 && pauses[i] <= 6250 * 1000);
	start_helper(f);
	assert_all_is_well_in_the_end(f);
}

static void test_one_that_dies_while_it_is_asked(void **state)
{
	struct fixture *f = *state;

	start_helper(f);
	for (int i = 0; i < 3; i++)
		let_in(f);
	closep(&f->listener);
	closep(&f->conn);
	f->conn = -1;
	run_until_pause(f, n_pauses + 3);
	start_helper(f);
	assert_all_is_well_in_the_end(f);
}

static void test_one_that_lets_in_and_is_silent(void **state)
{
	struct fixture *f = *state;
	size_t at;

	start_helper(f);
	let_in(f);
	at = n_pauses;
	assert_int_equal(pauses[at - 1], 5000 * 1000);
	run_until_pause(f, at + 1);
	assert_all_is_well_in_the_end(f);
}

/* Its queue takes some connections more. */
static void test_one_that_hangs(void **state)
{
	struct fixture *f = *state;

	start_helper(f);
	run_until_pause(f, 50);
	assert_int_equal(f->n_given, 0);
	for (int i = 0; i < 30; i++) {
		int old = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		closep(&old);
	}
	assert_all_is_well_in_the_end(f);
}

static void test_one_that_gives_the_wrong_ones(void **state)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct fixture *f = *state;
	struct err e = {0};

	start_helper(f);
	let_in(f);
	assert_int_equal(sockets_make(&s, "", &e), 0);
	assert_int_equal(dup2(STDERR_FILENO, s.fds[SOCKETS_NEWS]), s.fds[SOCKETS_NEWS]);
	assert_int_equal(passing_send(f->conn, &s, &e), 0);
	let_in(f);
	assert_int_equal(passing_refuse(f->conn, "no file descriptors", &e), 0);
	assert_all_is_well_in_the_end(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_that_is_late),
		TEST(test_one_that_dies_while_it_is_asked),
		TEST(test_one_that_lets_in_and_is_silent),
		TEST(test_one_that_hangs),
		TEST(test_one_that_gives_the_wrong_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
