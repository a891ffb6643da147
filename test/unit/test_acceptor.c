/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/acceptor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "shortage.h"

enum { TURN = 50 * 1000, TURNS = 200, FEW = 20 };

struct fixture {
	sd_event *loop;
	struct acceptor *acceptor;
	int listener;
	unsigned n_connections, n_shortages;
	struct err why;
};

static void on_connection(void *ud, int fd)
{
	struct fixture *f = ud;

	f->n_connections++;
	close(fd);
}

static void on_shortage(void *ud, const struct err *why)
{
	struct fixture *f = ud;

	f->n_shortages++;
	f->why = *why;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static int setup(void **state)
{
	static const struct acceptor_ops ops = {on_connection, on_shortage};
	static const struct sockaddr_un any = {.sun_family = AF_UNIX};
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The kernel makes a name up (unix(7), autobind). */
	if (bind(f->listener, (const struct sockaddr *)&any, sizeof any.sun_family) < 0 ||
		listen(f->listener, 8) < 0 || loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	return acceptor_new(&f->acceptor, f->loop, f->listener, &ops, f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	acceptor_free(f->acceptor);
	closep(&f->listener);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static int come(const struct fixture *f)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

static void await_connections(const struct fixture *f, unsigned n)
{
	for (int i = 0; i < TURNS && f->n_connections < n; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_int_equal(f->n_connections, n);
}

static void test_who_comes_is_let_in(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_CLOSE int one = come(f);
	int two = come(f);

	await_connections(f, 2);
	close(two);
	assert_int_equal(f->n_shortages, 0);
}

static void test_without_descriptors_it_rests_and_goes_on_later(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_CLOSE int fd = come(f);
	struct rlimit before;
	unsigned turns;

	shortage_begin(&before);
	turns = turns_of(f->loop);
	shortage_end(&before);
	assert_in_range(turns, 1, FEW);
	assert_int_equal(f->n_connections, 0);
	assert_int_equal(f->why.code, EMFILE);
	await_connections(f, 1);
}

static void test_a_shortage_is_told_once_until_it_is_over(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_CLOSE int fd = come(f);
	struct rlimit before;

	for (unsigned i = 1; i <= 2; i++) {
		CLEANUP_CLOSE int another = come(f);

		shortage_begin(&before);
		for (uint64_t end = loop_clock() + 1200 * 1000; loop_clock() < end;)
			assert_true(sd_event_run(f->loop, TURN) >= 0);
		shortage_end(&before);
		assert_int_equal(f->n_shortages, i);
		await_connections(f, i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_comes_is_let_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_rests_and_goes_on_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_shortage_is_told_once_until_it_is_over, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
