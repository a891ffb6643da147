/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/wishes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"

DEFINE_CLEANUP(struct wishes *, wishes_free);

enum { SECOND = 1000 * 1000, N_VIPS = 12, ROUNDS = 300, STEPS = 200 };

/* Numbers that look random and are the same each time. */
static unsigned dice(unsigned sides)
{
	static uint64_t seed = 20261201;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % sides;
}

/* 10.1.1.N, or fd00::N for odd ones if `mixed`. */
static struct ipnet vip(unsigned n, bool mixed)
{
	uint8_t v4[4] = {10, 1, 1, (uint8_t)n}, v6[16] = {0xfd, [15] = (uint8_t)n};
	struct ipaddr addr =
		mixed && n % 2 ? ipaddr_from_bytes(AF_INET6, v6) : ipaddr_from_bytes(AF_INET, v4);

	return ipnet_of(&addr);
}

/* Wants the VIPs of these bits. */
static void want(struct wishes *w, unsigned bits, bool mixed, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes all = {0};

	for (unsigned i = 0; bits >> i; i++) {
		const struct ipnet net = vip(i, mixed);

		if (bits >> i & 1)
			prefixes_add(&all, &net);
	}
	wishes_want(w, &all, now);
}

static struct wish_call next(struct wishes *w, uint64_t now)
{
	struct wish_call call;

	assert_true(wishes_next(w, &call, now));
	return call;
}

static void assert_none(struct wishes *w, uint64_t now)
{
	struct wish_call call;

	assert_false(wishes_next(w, &call, now));
}

static struct wish_call assert_next(struct wishes *w, enum wish_kind kind, unsigned n, uint64_t now)
{
	const struct wish_call call = next(w, now);
	const struct ipnet net = vip(n, false);

	assert_int_equal(call.kind, kind);
	assert_int_equal(ipnet_cmp(&call.vip, &net), 0);
	return call;
}

/* Of IPv4 alone, synchronized while nothing is wanted. */
static struct wishes *synced(void)
{
	struct wishes *w = wishes_new(true, false);
	struct wish_call call;

	wishes_begin(w);
	call = next(w, 0);
	assert_int_equal(call.kind, WISH_SYNC);
	wishes_end(w, &call, NULL, 0);
	return w;
}

static bool hears(const struct wishes *w, unsigned n)
{
	const struct ipnet net = vip(n, false);

	return prefixes_has(wishes_heard(w), &net);
}

static void all_is_told_at_once_at_first_and_not_before_it_is_known(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = wishes_new(true, false);
	CLEANUP_PREFIXES struct prefixes told = {0};
	struct wish_call call;

	(void)state;
	want(w, 6, false, 0);
	assert_none(w, 0);
	assert_true(wishes_wait(w, 0) == UINT64_MAX);
	wishes_begin(w);
	call = next(w, 0);
	assert_int_equal(call.kind, WISH_SYNC);
	told = wishes_told(w, AF_INET);
	assert_int_equal(told.n_items, 2);
	assert_none(w, 0);
	assert_false(hears(w, 1));
	wishes_end(w, &call, NULL, 0);
	assert_true(hears(w, 1) && hears(w, 2));
	assert_true(wishes_are_heard(w) && wishes_are_met(w));
	assert_none(w, 0);
}

static void what_changes_while_all_is_told_is_told_after_it(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = wishes_new(true, false);
	struct wish_call call;

	(void)state;
	want(w, 2, false, 0);
	wishes_begin(w);
	call = next(w, 0);
	want(w, 4, false, 0);
	assert_none(w, 0);
	wishes_end(w, &call, NULL, 0);
	assert_true(hears(w, 1));
	assert_next(w, WISH_REMOVE, 1, 0);
	assert_false(hears(w, 1));
	assert_next(w, WISH_ADD, 2, 0);
}

static void a_family_that_fails_holds_up_no_other(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = wishes_new(true, true);
	struct wish_call four, six, call;

	(void)state;
	wishes_begin(w);
	four = next(w, 0);
	six = next(w, 0);
	assert_int_equal(six.family, AF_INET6);
	assert_true(wishes_end(w, &six, "it is ill", 0));
	wishes_end(w, &four, NULL, 0);
	want(w, 6, true, 0);
	call = next(w, 0);
	assert_int_equal(call.kind, WISH_ADD);
	assert_int_equal(call.family, AF_INET);
	assert_none(w, 0);
	assert_in_range(wishes_wait(w, 0), SECOND, SECOND * 5 / 4);
}

static void what_failed_is_tried_again_later_and_later(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call call;
	uint64_t now = 0, wait = 0;

	(void)state;
	want(w, 2, false, now);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t least = i < 6 ? (uint64_t)SECOND << i : 60 * (uint64_t)SECOND;

		call = next(w, now);
		assert_int_equal(wishes_end(w, &call, "no", now), i == 0);
		wait = wishes_wait(w, now);
		assert_in_range(wait, least, least * 5 / 4);
		assert_none(w, now + wait - 1);
		assert_int_equal(wishes_count(w).failing, 1);
		assert_string_equal(wishes_count(w).error, "no");
		now += wait;
	}
	assert_false(wishes_are_heard(w));
	call = next(w, now);
	wishes_end(w, &call, NULL, now);
	assert_true(wishes_are_met(w));
	assert_null(wishes_count(w).error);
	/* Another failure begins at the beginning. */
	want(w, 0, false, now);
	call = next(w, now);
	wishes_end(w, &call, "no", now);
	assert_in_range(wishes_wait(w, now), SECOND, SECOND * 5 / 4);
}

static void only_the_newest_wish_counts(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call call;

	(void)state;
	want(w, 2, false, 0);
	call = assert_next(w, WISH_ADD, 1, 0);
	want(w, 0, false, 0);
	assert_none(w, 0);
	want(w, 2, false, 0);
	want(w, 0, false, 0);
	wishes_end(w, &call, NULL, 0);
	call = assert_next(w, WISH_REMOVE, 1, 0);
	wishes_end(w, &call, NULL, 0);
	assert_none(w, 0);
	assert_true(wishes_are_met(w));
}

/* It may have come half the way. */
static void what_failed_to_be_told_is_taken_back_and_at_once(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call call;

	(void)state;
	want(w, 2, false, 0);
	call = assert_next(w, WISH_ADD, 1, 0);
	wishes_end(w, &call, "no", 0);
	assert_none(w, 1);
	want(w, 0, false, 1);
	call = assert_next(w, WISH_REMOVE, 1, 1);
	wishes_end(w, &call, NULL, 1);
	assert_true(wishes_are_met(w));
}

static void what_was_never_told_need_not_be_taken_back(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();

	(void)state;
	want(w, 2, false, 0);
	want(w, 0, false, 0);
	assert_none(w, 0);
	assert_true(wishes_are_met(w));
}

static void what_hangs_leaves_room_for_others(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call calls[LIMIT_EXEC_CALLS];
	uint64_t now = 0;

	(void)state;
	want(w, 0x1e, false, now);
	for (size_t i = 0; i < LIMIT_EXEC_CALLS; i++)
		calls[i] = next(w, now);
	want(w, 0x3e, false, now);
	assert_none(w, now);
	for (size_t i = 0; i < LIMIT_EXEC_CALLS; i++)
		wishes_end(w, &calls[i], "it hung", now);
	now += 2 * SECOND;
	/* The one that waited comes first, and then some of those that failed. */
	assert_next(w, WISH_ADD, 5, now);
	for (size_t i = 0; i < LIMIT_EXEC_RETRIES; i++)
		next(w, now);
	assert_none(w, now);
	want(w, 0x7e, false, now);
	assert_next(w, WISH_ADD, 6, now);
	assert_none(w, now);
}

static void spare(struct wishes *w, unsigned n, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes others = {0};
	const struct ipnet net = vip(n, false), wide = ipnet_around(&net.addr, 24);

	if (n)
		prefixes_add(&others, &net);
	prefixes_add(&others, &wide);
	wishes_spare(w, &others, now);
}

/* It has the same route. */
static void what_another_pod_of_the_node_serves_is_not_taken_back(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call call;

	(void)state;
	want(w, 2, false, 0);
	call = assert_next(w, WISH_ADD, 1, 0);
	wishes_end(w, &call, NULL, 0);
	spare(w, 1, 0);
	assert_true(hears(w, 1));
	want(w, 0, false, 0);
	assert_false(hears(w, 1));
	assert_none(w, 0);
	assert_true(wishes_are_met(w));
	/* Who goes last takes it back. */
	spare(w, 0, 0);
	assert_false(wishes_are_met(w));
	call = assert_next(w, WISH_REMOVE, 1, 0);
	wishes_end(w, &call, NULL, 0);
	assert_true(wishes_are_met(w));
}

static void what_is_spared_and_wanted_again_is_told_anew(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = synced();
	struct wish_call call;

	(void)state;
	want(w, 2, false, 0);
	call = assert_next(w, WISH_ADD, 1, 0);
	want(w, 0, false, 0);
	spare(w, 1, 0);
	wishes_end(w, &call, NULL, 0);
	assert_none(w, 0);
	assert_false(hears(w, 1));
	want(w, 2, false, 0);
	call = assert_next(w, WISH_ADD, 1, 0);
	wishes_end(w, &call, NULL, 0);
	assert_true(hears(w, 1) && wishes_are_met(w));
}

static void what_others_of_the_node_serve_is_left_by_the_first_call(void **state)
{
	CLEANUP(wishes_freep) struct wishes *w = wishes_new(true, true);
	CLEANUP_PREFIXES struct prefixes four = {0}, six = {0}, none = {0};

	(void)state;
	spare(w, 1, 0);
	four = wishes_left(w, AF_INET);
	six = wishes_left(w, AF_INET6);
	assert_int_equal(four.n_items, 1);
	assert_int_equal(six.n_items, 0);
	want(w, 2, false, 0);
	none = wishes_left(w, AF_INET);
	assert_int_equal(none.n_items, 0);
}

/* A cloud that does what it is told, or not, or does it and says that it did not. */
struct cloud {
	struct prefixes routes;
	struct wish_call running[LIMIT_EXEC_CALLS];
	struct prefixes lists[LIMIT_EXEC_CALLS];
	size_t n_running;
	bool well;
};

static void obey(struct cloud *c, const struct wish_call *call, const struct prefixes *list)
{
	CLEANUP_PREFIXES struct prefixes before = {0};

	if (call->kind == WISH_ADD)
		prefixes_add(&c->routes, &call->vip);
	else if (call->kind == WISH_REMOVE)
		prefixes_remove(&c->routes, &call->vip);
	else {
		before = prefixes_copy(&c->routes);
		for (size_t i = 0; i < before.n_items; i++)
			if (before.items[i].addr.family == call->family)
				prefixes_remove(&c->routes, &before.items[i]);
		for (size_t i = 0; i < list->n_items; i++)
			prefixes_add(&c->routes, &list->items[i]);
	}
}

static void begin_all(struct cloud *c, struct wishes *w, uint64_t now)
{
	struct wish_call call;

	while (wishes_next(w, &call, now)) {
		assert_in_range(c->n_running, 0, LIMIT_EXEC_CALLS - 1);
		for (size_t i = 0; i < c->n_running; i++) {
			const struct wish_call *other = &c->running[i];
			bool all = call.kind == WISH_SYNC || other->kind == WISH_SYNC;

			/* One at a time for a VIP, and none beside what tells all. */
			assert_false(all && call.family == other->family);
			assert_false(!all && ipnet_cmp(&call.vip, &other->vip) == 0);
		}
		if (call.kind == WISH_SYNC)
			c->lists[c->n_running] = wishes_told(w, call.family);
		c->running[c->n_running++] = call;
	}
}

static void end_one(struct cloud *c, struct wishes *w, uint64_t now)
{
	size_t i = dice((unsigned)c->n_running);
	struct wish_call call = c->running[i];
	CLEANUP_PREFIXES struct prefixes list = c->lists[i];
	bool obeys = c->well || dice(2), fails = !c->well && (!obeys || dice(3) == 0);

	c->n_running--;
	c->running[i] = c->running[c->n_running];
	c->lists[i] = c->lists[c->n_running];
	c->lists[c->n_running] = (struct prefixes){0};
	if (obeys)
		obey(c, &call, &list);
	wishes_end(w, &call, fails ? "no" : NULL, now);
}

static void assert_heard_is_there(const struct cloud *c, const struct wishes *w)
{
	CLEANUP_PREFIXES struct prefixes missing =
		prefixes_minus(wishes_heard(w), &c->routes, SIZE_MAX);

	assert_int_equal(missing.n_items, 0);
}

/* What is wanted in the end, once the cloud is well. */
static void assert_converges(struct cloud *c, struct wishes *w, unsigned bits, uint64_t now)
{
	CLEANUP_PREFIXES struct prefixes all = {0};

	c->well = true;
	spare(w, 0, now);
	want(w, bits, true, now);
	wishes_begin(w);
	while (c->n_running > 0 || wishes_wait(w, now) != UINT64_MAX) {
		if (wishes_wait(w, now) != UINT64_MAX)
			now += wishes_wait(w, now);
		begin_all(c, w, now);
		end_one(c, w, now);
		assert_heard_is_there(c, w);
	}
	for (unsigned i = 0; i < N_VIPS; i++) {
		const struct ipnet net = vip(i, true);

		if (bits >> i & 1)
			prefixes_add(&all, &net);
	}
	assert_true(prefixes_equal(&all, &c->routes));
	assert_true(prefixes_equal(&all, wishes_heard(w)));
	assert_true(wishes_are_heard(w) && wishes_are_met(w));
}

static void whatever_happens_the_cloud_ends_with_what_is_wanted(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		CLEANUP(wishes_freep) struct wishes *w = wishes_new(true, true);
		struct cloud c = {0};
		const struct ipnet left = vip(dice(N_VIPS), true);
		uint64_t now = 0;

		/* An earlier process has left it. */
		prefixes_add(&c.routes, &left);
		for (unsigned step = 0; step < STEPS; step++) {
			unsigned what = dice(9);

			if (what == 0)
				want(w, dice(1U << N_VIPS), true, now);
			else if (what == 1)
				wishes_begin(w);
			else if (what == 8)
				spare(w, dice(N_VIPS), now);
			else if (what < 4)
				now += dice(4 * SECOND);
			else if (what < 6 && c.n_running > 0)
				end_one(&c, w, now);
			else
				begin_all(&c, w, now);
			assert_heard_is_there(&c, w);
		}
		assert_converges(&c, w, dice(1U << N_VIPS), now);
		prefixes_done(&c.routes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_told_at_once_at_first_and_not_before_it_is_known),
		cmocka_unit_test(what_changes_while_all_is_told_is_told_after_it),
		cmocka_unit_test(a_family_that_fails_holds_up_no_other),
		cmocka_unit_test(what_failed_is_tried_again_later_and_later),
		cmocka_unit_test(only_the_newest_wish_counts),
		cmocka_unit_test(what_failed_to_be_told_is_taken_back_and_at_once),
		cmocka_unit_test(what_was_never_told_need_not_be_taken_back),
		cmocka_unit_test(what_hangs_leaves_room_for_others),
		cmocka_unit_test(what_another_pod_of_the_node_serves_is_not_taken_back),
		cmocka_unit_test(what_is_spared_and_wanted_again_is_told_anew),
		cmocka_unit_test(what_others_of_the_node_serve_is_left_by_the_first_call),
		cmocka_unit_test(whatever_happens_the_cloud_ends_with_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
