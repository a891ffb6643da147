/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "letters.h"
#include "loop/loop.h"
#include "tree.h"

/* Without IPVS, where a change ends with the file written. */

enum { TURN = 20 * 1000, PATIENCE = 20 * 1000 * 1000, AGO = 5 * 1000 * 1000 };

struct fixture {
	char folder[sizeof "/tmp/test_apply.XXXXXX"];
	struct config config;
	sd_event *loop;
	struct apply *apply;
	uint64_t started_at;
};

static void ignore(void *ud)
{
	(void)ud;
}

static void ignore_places(void *ud, const struct place places[], size_t n_places)
{
	(void)ud;
	(void)places;
	(void)n_places;
}

static int make_fixture(void **state)
{
	static const struct apply_ops ops = {ignore, ignore_places, NULL, NULL};
	struct fixture *f = xnew0(struct fixture);
	struct err e = {0};

	*state = f;
	memcpy(f->folder, "/tmp/test_apply.XXXXXX", sizeof f->folder);
	if (!mkdtemp(f->folder) || loop_new(&f->loop, ignore, NULL, &e) < 0)
		return -1;
	f->config.keepalived.state_dir = xasprintf("%s/state", f->folder);
	f->config.keepalived.template_path =
		xstrdup(KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache");
	f->config.keepalived.min_reload_gap = 10 * 1000;
	f->started_at = loop_clock();
	return apply_new(&f->apply, f->loop, &f->config, NULL, NULL, &ops, f, &e);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;

	apply_free(f->apply);
	sd_event_unref(f->loop);
	tree_remove(f->folder);
	free(f->config.keepalived.state_dir);
	free(f->config.keepalived.template_path);
	free(f);
	return 0;
}

/* Until as many changes are in the file. */
static struct apply_status await_applied(const struct fixture *f, uint64_t n)
{
	uint64_t until = loop_clock() + PATIENCE;

	while (apply_status(f->apply).n_applied < n && loop_clock() < until)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
	assert_int_equal(apply_status(f->apply).n_applied, n);
	return apply_status(f->apply);
}

/* `least`, and what passed since the start at the most. */
static void assert_took(const struct fixture *f, uint64_t took, uint64_t least)
{
	assert_in_range(took, least, least + (loop_clock() - f->started_at));
}

static void a_change_counts_from_its_event(void **state)
{
	const struct fixture *f = *state;
	struct apply_status st;

	apply_submit(f->apply, letters_fleet("a"), f->started_at - AGO);
	assert_false(apply_status(f->apply).settled);
	st = await_applied(f, 1);
	assert_true(st.settled);
	assert_true(st.ready);
	assert_string_equal(st.last_result, "rendered");
	assert_took(f, st.last_event_to_kernel, AGO);
	assert_int_equal(st.sum_event_to_kernel, st.last_event_to_kernel);
}

static void changes_that_wait_together_count_from_the_oldest(void **state)
{
	const struct fixture *f = *state;

	apply_submit(f->apply, letters_fleet("a"), f->started_at - AGO);
	apply_submit(f->apply, letters_fleet("ab"), f->started_at);
	assert_took(f, await_applied(f, 1).sum_event_to_kernel, AGO);
}

/* The machine has been up for longer than the test; that must not be in the sum. */
static void a_change_whose_event_is_unknown_counts_from_now(void **state)
{
	const struct fixture *f = *state;
	struct apply_status first, second;

	apply_submit(f->apply, letters_fleet("a"), 0);
	first = await_applied(f, 1);
	assert_took(f, first.sum_event_to_kernel, 0);
	apply_submit(f->apply, letters_fleet("ab"), 0);
	second = await_applied(f, 2);
	assert_took(f, second.last_event_to_kernel, 0);
	assert_int_equal(second.sum_event_to_kernel - first.sum_event_to_kernel,
		second.last_event_to_kernel);
}

static void what_changes_nothing_is_not_in_the_sum(void **state)
{
	const struct fixture *f = *state;
	struct apply_status st;
	uint64_t sum;

	apply_submit(f->apply, letters_fleet("a"), f->started_at);
	sum = await_applied(f, 1).sum_event_to_kernel;
	apply_submit(f->apply, letters_fleet("a"), f->started_at - AGO);
	apply_submit(f->apply, letters_fleet("a"), 0);
	st = apply_status(f->apply);
	assert_int_equal(st.n_unchanged, 2);
	assert_string_equal(st.last_result, "unchanged");
	assert_true(st.settled);
	assert_int_equal(st.n_applied, 1);
	assert_int_equal(st.sum_event_to_kernel, sum);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_counts_from_its_event),
		TEST(changes_that_wait_together_count_from_the_oldest),
		TEST(a_change_whose_event_is_unknown_counts_from_now),
		TEST(what_changes_nothing_is_not_in_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
