/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "await.h"
#include "base/log.h"
#include "kernel/look.h"
#include "letters.h"

/* Looks at a kernel that cannot be looked at, or is as it shall be. */

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000 };

static struct {
	const char *why; /* looks fail; NULL: they work */
	unsigned n_looks, n_failed, n_readable;
	uint64_t at; /* of the last look */
	look_fn *done;
	void *ud;
} looks;

int __wrap_look_start(struct look **ret, sd_event *loop, const struct look_spec *spec,
	look_fn *done, void *ud, struct err *e);
struct look *__wrap_look_free(struct look *l);
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);
int __wrap_ipvs_writer_open(struct ipvs_writer **ret, struct err *e);
struct ipvs_writer *__wrap_ipvs_writer_close(struct ipvs_writer *w);

int __wrap_look_start(struct look **ret, sd_event *loop, const struct look_spec *spec,
	look_fn *done, void *ud, struct err *e)
{
	(void)loop;
	(void)spec;
	looks.n_looks++;
	looks.at = loop_clock();
	if (looks.why)
		return err_set(e, EAGAIN, "%s", looks.why);
	looks.done = done;
	looks.ud = ud;
	*ret = (struct look *)&looks;
	return 0;
}

struct look *__wrap_look_free(struct look *l)
{
	(void)l;
	return NULL;
}

void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	(void)level;
	(void)fields;
	looks.n_failed += strcmp(event, "ipvs.read_failed") == 0;
	looks.n_readable += strcmp(event, "ipvs.readable") == 0;
}

int __wrap_ipvs_writer_open(struct ipvs_writer **ret, struct err *e)
{
	(void)e;
	*ret = NULL;
	return 0;
}

struct ipvs_writer *__wrap_ipvs_writer_close(struct ipvs_writer *w)
{
	return w;
}

struct fixture {
	sd_event *loop;
	struct program *program;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void ignore_settled(void *ud, uint64_t at)
{
	(void)ud;
	(void)at;
}

static void ignore_tables(void *ud, const struct sketch *tables)
{
	(void)ud;
	(void)tables;
}

static int make_fixture(void **state)
{
	static const struct program_ops ops = {
		.on_settled = ignore_settled, .on_tables = ignore_tables, .on_trouble = ignore};
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	memset(&looks, 0, sizeof looks);
	if (loop_new(&f->loop, ignore, NULL, &e) < 0)
		return -1;
	return program_new(&f->program, f->loop, NULL, &ops, f, &e);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;

	program_free(f->program);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

/* The look that is under way finds all as it shall be. */
static void answer(void)
{
	static const struct look_found nothing_wrong;
	look_fn *done = looks.done;
	struct err e = {0};

	looks.done = NULL;
	done(looks.ud, 0, &nothing_wrong, &e);
}

static void a_first_look_that_fails_is_tried_again_at_growing_intervals(void **state)
{
	struct fixture *f = *state;
	uint64_t begin;

	looks.why = "forking: Resource temporarily unavailable";
	program_want(f->program, NULL, 0);
	begin = looks.at;
	AWAIT(f, looks.n_looks == 5);
	assert_true(looks.at - begin >= (100 + 200 + 400 + 800) * 1000);
	assert_int_equal(looks.n_failed, 1);
	assert_false(program_status(f->program).seen_all);
	looks.why = NULL;
	AWAIT(f, looks.done);
	answer();
	assert_true(program_status(f->program).seen_all);
	assert_int_equal(looks.n_readable, 1);
}

static void another_reason_is_told_too(void **state)
{
	struct fixture *f = *state;

	looks.why = "one";
	program_want(f->program, NULL, 0);
	looks.why = "another";
	AWAIT(f, looks.n_looks == 3);
	assert_int_equal(looks.n_failed, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_look_that_fails_is_tried_again_at_growing_intervals),
		TEST(another_reason_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
