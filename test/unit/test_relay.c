/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/abstract.h"
#include "shortage.h"

enum { TURN = 50 * 1000, TURNS = 200, FEW = 20 };

struct fixture {
	sd_event *loop;
	struct relay *relay;
	bool open;
	char line[64];
};

static void on_open(void *ud)
{
	struct fixture *f = ud;

	f->open = true;
}

static void on_line(void *ud, const char *line)
{
	struct fixture *f = ud;

	snprintf(f->line, sizeof f->line, "%.60s", line);
}

static void on_close(void *ud, const char *why)
{
	struct fixture *f = ud;

	(void)why;
	f->open = false;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static int setup(void **state)
{
	static const struct relay_ops ops = {on_open, on_line, on_close};
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	return relay_listen(&f->relay, f->loop, &ops, f, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	relay_free(f->relay);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static int come(void)
{
	struct err e = {0};
	int fd = abstract_socket(SOCK_STREAM, &e);

	assert_true(fd >= 0);
	assert_int_equal(abstract_connect(fd, RELAY_NAME, &e), 0);
	return fd;
}

static void await_line(const struct fixture *f, const char *line)
{
	for (int i = 0; i < TURNS && !*f->line; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_string_equal(f->line, line);
}

static void test_lines_come_in_and_text_goes_out(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_CLOSE int fd = come();
	struct err e = {0};
	char text[8] = "";

	assert_int_equal(write(fd, "done\n", 5), 5);
	await_line(f, "done");
	assert_int_equal(relay_send(f->relay, "hello", 5, &e), 0);
	assert_int_equal(read(fd, text, sizeof text), 5);
	assert_string_equal(text, "hello");
}

static void test_without_descriptors_it_rests_and_goes_on_later(void **state)
{
	const struct fixture *f = *state;
	CLEANUP_CLOSE int fd = come();
	struct rlimit before;
	unsigned turns;

	assert_int_equal(write(fd, "late\n", 5), 5);
	shortage_begin(&before);
	turns = turns_of(f->loop);
	shortage_end(&before);
	assert_in_range(turns, 1, FEW);
	assert_false(f->open);
	await_line(f, "late");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_lines_come_in_and_text_goes_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_rests_and_goes_on_later, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
