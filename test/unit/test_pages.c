/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pages.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "own_clock.h"

enum { TURN = 50 * 1000, TURNS = 200 };

struct fixture {
	sd_event *loop;
	struct scribes *scribes;
	struct pages *pages;
};

struct reader {
	struct pages_reader r;
	unsigned n_calls;
	char text[64]; /* "" for a page that could not be written */
};

static void on_stop(void *ud)
{
	(void)ud;
}

/* In a child, of which the page tells. */
static void write_page(void *ud, const char *path, FILE *out)
{
	(void)ud;
	if (strcmp(path, "/lost") == 0)
		raise(SIGKILL);
	fprintf(out, "%s %d", path, getpid());
}

static void on_ready(void *ud, int fd)
{
	struct reader *reader = ud;

	reader->n_calls++;
	if (fd < 0)
		return;
	assert_true(pread(fd, reader->text, sizeof reader->text - 1, 0) > 0);
	close(fd);
}

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	own_clock_begin();
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	f->scribes = scribes_new(f->loop);
	return pages_new(&f->pages, f->loop, f->scribes, write_page, NULL, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pages_free(f->pages);
	scribes_free(f->scribes);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static int ask(const struct fixture *f, struct reader *reader, const char *path)
{
	struct err e = {0};

	*reader = (struct reader){.r = {.ready = on_ready, .ud = reader}};
	return pages_ask(f->pages, path, &reader->r, &e);
}

static void await(const struct fixture *f, const struct reader *reader)
{
	for (int i = 0; i < TURNS && !reader->n_calls; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_int_equal(reader->n_calls, 1);
}

static void test_a_page_is_for_all_who_ask_until_a_second_later(void **state)
{
	struct fixture *f = *state;
	struct reader a, b, c, other, late;

	assert_int_equal(ask(f, &a, "/a"), 0);
	assert_int_equal(ask(f, &b, "/a"), 0);
	assert_int_equal(ask(f, &other, "/b"), 0);
	await(f, &a);
	await(f, &b);
	await(f, &other);
	assert_int_equal(ask(f, &c, "/a"), 1);
	assert_int_equal(c.n_calls, 1);
	assert_string_equal(a.text, b.text);
	assert_string_equal(a.text, c.text);
	assert_memory_equal(other.text, "/b ", 3);
	own_clock_pass(f->loop, PAGES_KEPT);
	assert_int_equal(ask(f, &late, "/a"), 0);
	await(f, &late);
	assert_string_not_equal(a.text, late.text);
}

static void test_a_page_that_was_not_written_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct reader a, b;

	assert_int_equal(ask(f, &a, "/lost"), 0);
	await(f, &a);
	assert_string_equal(a.text, "");
	assert_int_equal(ask(f, &b, "/lost"), 0);
	await(f, &b);
}

static void test_who_has_left_is_not_called(void **state)
{
	struct fixture *f = *state;
	struct reader leaves, stays;

	assert_int_equal(ask(f, &leaves, "/a"), 0);
	assert_int_equal(ask(f, &stays, "/a"), 0);
	pages_leave(&leaves.r);
	await(f, &stays);
	assert_int_equal(leaves.n_calls, 0);
	pages_leave(&stays.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_page_is_for_all_who_ask_until_a_second_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_page_that_was_not_written_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_has_left_is_not_called, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
