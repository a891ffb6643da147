/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/differ.h"

#include "ipvs_scene.h"

/* Numbers that look random and are the same each time. */
static unsigned dice(unsigned sides)
{
	static uint64_t seed = 20261129;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % sides;
}

enum { NUMBERS = 9, ROUNDS = 5000 };

static void hold_at_random(struct scene *s)
{
	for (unsigned i = dice(2 * NUMBERS); i > 0; i--) {
		struct ipvs_dest dest = {
			.addr = sim_addr(dice(NUMBERS)), .port = 8080, .weight = dice(3)};

		dest.forward = dice(8) ? IP_VS_CONN_F_MASQ : IP_VS_CONN_F_TUNNEL;
		if (sim_find(&s->kernel, &dest) == s->kernel.n_dests)
			sim_add(&s->kernel, &dest);
	}
}

static struct scene *scene_at_random(void)
{
	static const enum scheduler schedulers[] = {SCHEDULER_RR, SCHEDULER_MH, SCHEDULER_SH};
	struct scene *s = scene_new(schedulers[dice(3)], "", dice(5) ? "" : NULL);

	s->vs.persistence = dice(2) * 30;
	s->down = dice(4) ? 0 : dice(1 << NUMBERS);
	for (unsigned i = 0; i < NUMBERS; i++)
		if (dice(2))
			add_wanted(s, i, dice(4) > 0);
	if (s->vs.n_reals == 0)
		add_wanted(s, 1, 1);
	if (s->kernel.there)
		hold_at_random(s);
	if (s->kernel.there && dice(3) == 0)
		s->kernel.service.timeout = 7;
	return s;
}

static uint32_t weight_wanted(struct scene *s, const struct real_server *real)
{
	return is_down(s, &s->vs, real) ? 0 : real->weight;
}

static void assert_all_right(struct scene *s)
{
	const struct ipvs_service wanted = right(&s->vs);

	assert_true(s->kernel.there);
	assert_string_equal(s->kernel.service.scheduler, wanted.scheduler);
	assert_int_equal(s->kernel.service.flags, wanted.flags);
	assert_int_equal(s->kernel.service.timeout, wanted.timeout);
	assert_int_equal(s->kernel.n_dests, s->vs.n_reals);
	for (size_t i = 0; i < s->vs.n_reals; i++) {
		const struct real_server *real = &s->vs.reals[i];
		size_t at = sim_find(
			&s->kernel, &(struct ipvs_dest){.addr = real->addr, .port = real->port});

		assert_true(at < s->kernel.n_dests);
		assert_int_equal(s->kernel.dests[at].weight, weight_wanted(s, real));
		assert_int_equal(s->kernel.dests[at].forward, IP_VS_CONN_F_MASQ);
	}
}

/* With what can be used before and afterwards there is always something that can. */
static void apply(struct scene *s, const struct ipvs_ops *ops)
{
	size_t before = sim_usable(&s->kernel), least = before;
	bool removes = false;

	for (size_t i = 0; i < ops->n_items; i++) {
		enum ipvs_op_kind kind = ops->items[i].kind;

		assert_false(removes && kind != IPVS_REMOVE_DEST);
		removes |= kind == IPVS_REMOVE_DEST;
		sim_apply(&s->kernel, &ops->items[i]);
		if (sim_usable(&s->kernel) < least)
			least = sim_usable(&s->kernel);
	}
	assert_true(least > 0 || before == 0 || sim_usable(&s->kernel) == 0);
}

static void assert_nothing_to_do(struct scene *s)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = build(s, true);

	assert_int_equal(ops.n_items, 0);
}

static void whatever_is_held_becomes_what_is_wanted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		CLEANUP_FREE struct scene *s = scene_at_random();
		CLEANUP_IPVS_OPS struct ipvs_ops ops = build(s, true);

		apply(s, &ops);
		assert_all_right(s);
		assert_nothing_to_do(s);
	}
}

static uint32_t weight_held(const struct sim *kernel, const struct ipvs_dest *dest)
{
	size_t at = sim_find(kernel, dest);

	return at < kernel->n_dests ? kernel->dests[at].weight : 0;
}

static bool is_in_use(struct scene *s, const struct sim *kernel, const struct real_server *real)
{
	const struct ipvs_dest dest = {.addr = real->addr, .port = real->port};

	return weight_wanted(s, real) > 0 && weight_held(kernel, &dest) > 0;
}

static const struct real_server *wanted_real(const struct scene *s, const struct ipvs_dest *dest)
{
	return virtual_server_real(&s->vs, &dest->addr, dest->port);
}

/* Nothing is taken from the last ones in use while others are to come, and what is gone stays no
 * longer than that. */
static void assert_not_stranded(struct scene *s, const struct sim *before)
{
	size_t n_in_use = 0, n_wanted = 0;

	for (size_t i = 0; i < s->vs.n_reals; i++) {
		n_wanted += weight_wanted(s, &s->vs.reals[i]) > 0;
		n_in_use += is_in_use(s, before, &s->vs.reals[i]);
	}
	for (size_t i = 0; i < before->n_dests; i++) {
		const struct ipvs_dest *dest = &before->dests[i];
		const struct real_server *real = wanted_real(s, dest);
		bool stays = n_wanted > 0 && n_in_use == 0 && dest->weight > 0 &&
			     !(real && is_down(s, &s->vs, real));

		if (!real || weight_wanted(s, real) == 0)
			assert_int_equal(weight_held(&s->kernel, dest), stays ? dest->weight : 0);
	}
}

static void whatever_is_held_only_shrinks_while_clients_are_not_kept_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		CLEANUP_FREE struct scene *s = scene_at_random();
		CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
		const struct sim before = s->kernel;

		s->may_add = false;
		ops = build(s, true);
		apply(s, &ops);
		assert_not_stranded(s, &before);
		for (size_t j = 0; j < s->kernel.n_dests; j++)
			assert_true(s->kernel.dests[j].weight <=
				    weight_held(&before, &s->kernel.dests[j]));
		assert_nothing_to_do(s);
	}
}

/* The kernel's list, as that of a service that was filled from nothing. */
static void assert_in_order(const struct scene *s)
{
	size_t n = s->vs.n_reals;

	assert_int_equal(s->kernel.n_dests, n);
	for (size_t i = 0; i < n; i++)
		assert_true(ipaddr_equal(&s->kernel.dests[i].addr, &s->vs.reals[n - 1 - i].addr));
}

static void carry_out(struct scene *s, const struct ipvs_ops *ops)
{
	for (size_t i = 0; i < ops->n_items; i++)
		sim_apply(&s->kernel, &ops->items[i]);
}

static void whatever_the_order_is_it_becomes_that_of_a_new_service(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		CLEANUP_FREE struct scene *s = scene_at_random();
		CLEANUP_IPVS_OPS struct ipvs_ops ops = {0}, moves = {0}, more = {0};

		s->vs.scheduler = SCHEDULER_MH;
		ops = build(s, true);
		apply(s, &ops);
		moves = reorder(s);
		carry_out(s, &moves);
		assert_in_order(s);
		assert_all_right(s);
		more = reorder(s);
		assert_int_equal(more.n_items, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_held_becomes_what_is_wanted),
		cmocka_unit_test(whatever_is_held_only_shrinks_while_clients_are_not_kept_out),
		cmocka_unit_test(whatever_the_order_is_it_becomes_that_of_a_new_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
