/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/look.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "ipvs_sim.h"

DEFINE_CLEANUP(struct look *, look_free);

/* The kernel holds one service, at 10.1.1.9, or misbehaves. */
static enum { HOLDS_ONE, REFUSES, KILLS, HANGS } kernel;

int __wrap_ipvs_open(struct ipvs **ret, struct err *e);
int __wrap_ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e);

int __wrap_ipvs_open(struct ipvs **ret, struct err *e)
{
	*ret = NULL;
	return kernel == REFUSES ? err_set(e, ENOENT, "the kernel has no IPVS") : 0;
}

int __wrap_ipvs_read_quick(struct ipvs_table **ret, struct ipvs *v, struct err *e)
{
	const struct ipvs_service service = {
		.addr = letters_addr(10, 1, 1, 9), .port = 80, .protocol = IPPROTO_TCP};

	(void)v;
	(void)e;
	if (kernel == KILLS)
		raise(SIGKILL);
	while (kernel == HANGS)
		pause();
	*ret = ipvs_table_new();
	ipvs_table_add(*ret, &service);
	return 0;
}

static bool never(void *ud, const struct virtual_server *vs, const struct ipvs_service *held)
{
	(void)ud;
	(void)vs;
	(void)held;
	return false;
}

static bool never_down(void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	(void)ud;
	(void)vs;
	(void)real;
	return false;
}

static struct differ_rules rules(void *ud, const struct virtual_server *vs)
{
	(void)ud;
	return (struct differ_rules){.may_add = vs != NULL, .is_down = never_down};
}

struct answer {
	sd_event *loop;
	int result;
	size_t n_places;
	struct place first;
	struct err e;
};

static void on_answer(void *ud, int result, const struct look_found *found, const struct err *e)
{
	struct answer *a = ud;

	a->result = result;
	a->n_places = found->n_places;
	a->first = found->places[0];
	a->e = *e;
	sd_event_exit(a->loop, 0);
}

static struct answer look(void)
{
	static const struct look_spec nothing_wanted = {.ops = {rules, never, false}};
	CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
	CLEANUP(look_freep) struct look *l = NULL;
	struct answer a = {.result = 1};
	struct err e = {0};

	assert_true(sd_event_new(&loop) >= 0);
	a.loop = loop;
	assert_int_equal(look_start(&l, loop, &nothing_wanted, on_answer, &a, &e), 0);
	assert_int_equal(sd_event_loop(loop), 0);
	return a;
}

static void what_the_child_finds_arrives(void **state)
{
	struct answer a;

	(void)state;
	kernel = HOLDS_ONE;
	a = look();
	assert_int_equal(a.result, 0);
	assert_int_equal(a.n_places, 1);
	assert_int_equal(a.first.vip.bytes[3], 9);
	assert_int_equal(a.first.port, 80);
}

static void an_error_of_the_child_arrives(void **state)
{
	struct answer a;

	(void)state;
	kernel = REFUSES;
	a = look();
	assert_int_equal(a.result, -ENOENT);
	assert_string_equal(a.e.msg, "the kernel has no IPVS");
}

static void a_child_that_is_killed_has_found_nothing_out(void **state)
{
	(void)state;
	kernel = KILLS;
	assert_int_equal(look().result, -ECHILD);
}

static void one_that_hangs_can_be_given_up(void **state)
{
	static const struct look_spec nothing_wanted = {.ops = {rules, never, false}};
	CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
	struct answer a = {.result = 1};
	struct look *l = NULL;
	struct err e = {0};

	(void)state;
	kernel = HANGS;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(look_start(&l, loop, &nothing_wanted, on_answer, &a, &e), 0);
	assert_int_equal(sd_event_run(loop, 100 * 1000), 0);
	look_free(l);
	assert_int_equal(sd_event_run(loop, 0), 0);
	assert_int_equal(a.result, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_child_finds_arrives),
		cmocka_unit_test(an_error_of_the_child_arrives),
		cmocka_unit_test(a_child_that_is_killed_has_found_nothing_out),
		cmocka_unit_test(one_that_hangs_can_be_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
