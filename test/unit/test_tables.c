/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/tables.h"

#include "ipvs_scene.h"
#include "net/maglev.h"

static uint64_t value_of(struct scene *s)
{
	const struct differ_rules rules = rules_of(s);
	struct ipvs_service read;
	const struct ipvs_service *held = sim_read(&read, &s->kernel);
	const struct sketch_entry entry = tables_entry(&s->vs, held, &rules);
	const struct place at = virtual_server_place(&s->vs);

	assert_int_equal(entry.key, tables_key(&at));
	free(read.dests);
	return entry.value;
}

/* Of what is wanted and held alike. Numbers in `down`, a bit each, are down. */
static uint64_t value(const char *reals, const char *held, uint64_t down)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_MH, reals, held);

	s->down = down;
	return value_of(s);
}

static void the_same_list_has_the_same_value(void **state)
{
	(void)state;
	assert_int_equal(value("1 2 3", "1 2 3", 0), value("1 2 3", "1 2 3", 0));
	/* Whatever is wanted. */
	assert_int_equal(value("1 2 3", "1 2 3", 0), value("1", "1 2 3", 0));
}

static void what_differs_is_told_by_the_value(void **state)
{
	uint64_t base = value("1 2 3", "1 2 3", 0);

	(void)state;
	assert_int_equal(tables_compare(base, value("1 2 3", "1 3 2", 0)), TABLES_ORDER);
	assert_int_equal(tables_compare(base, value("1 2 3", "1 2", 0)), TABLES_SERVERS);
	assert_int_equal(tables_compare(base, value("1 2 3", "1 2 4", 0)), TABLES_SERVERS);
	assert_int_equal(tables_compare(base, value("1 2 3", "3 2", 0)), TABLES_SERVERS);
	/* It drains here alone. */
	assert_int_equal(tables_compare(base, value("1 2 3", "1 2@0 3", 0)), TABLES_SERVERS);
}

static void what_a_check_has_taken_down_is_told_apart(void **state)
{
	uint64_t base = value("1 2 3", "1 2 3", 0), down = value("1 2 3", "1 2@0 3", 1 << 2);

	(void)state;
	assert_int_not_equal(base, down);
	assert_int_equal(tables_compare(base, down), TABLES_CHECKS);
	assert_int_equal(tables_compare(down, value("1 2 3", "1@0 2 3", 1 << 1)), TABLES_CHECKS);
	assert_int_equal(tables_compare(down, value("1 2 3", "2@0 1 3", 1 << 2)), TABLES_ORDER);
	/* What drains drains for all. */
	assert_int_equal(value("1 2@0", "1 2@0", 0), value("1 2@0", "1 2@0", 1 << 2));
}

static void settings_count(void **state)
{
	CLEANUP_FREE struct scene *one = scene_new(SCHEDULER_MH, "1 2", "1 2");
	CLEANUP_FREE struct scene *other = scene_new(SCHEDULER_MH, "1 2", "1 2");

	(void)state;
	other->kernel.service.flags ^= IP_VS_SVC_F_SCHED2;
	assert_int_equal(tables_compare(value_of(one), value_of(other)), TABLES_SERVERS);
	other->kernel.service.flags ^= IP_VS_SVC_F_SCHED2;
	other->kernel.dests[0].forward = IP_VS_CONN_F_TUNNEL;
	assert_int_equal(tables_compare(value_of(one), value_of(other)), TABLES_SERVERS);
}

/* It says nothing else than the table that the kernel makes of it: for each client the same. */
static void equal_values_are_equal_tables(void **state)
{
	static const char *const lists[] = {"1 2 3 4 5", "2 1 3 4 5", "1 2 3 4", "5 4 3 2 1"};
	const size_t n = sizeof lists / sizeof lists[0];

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		CLEANUP_FREE struct scene *a = scene_new(SCHEDULER_MH, "", lists[i / n]);
		CLEANUP_FREE struct scene *b = scene_new(SCHEDULER_MH, "", lists[i % n]);
		bool equal = value_of(a) == value_of(b), differs = false;
		struct ipvs_service of_a, of_b;
		struct maglev *one, *other;

		one = maglev_new(sim_read(&of_a, &a->kernel));
		other = maglev_new(sim_read(&of_b, &b->kernel));
		for (unsigned client = 0; client < 4096; client++) {
			const struct ipaddr addr =
				letters_addr(10, 9, (uint8_t)(client >> 8), (uint8_t)client);

			differs |= !ipaddr_equal(&maglev_choose(one, &addr, 1)->addr,
				&maglev_choose(other, &addr, 1)->addr);
		}
		assert_int_equal(equal, i / n == i % n);
		assert_false(equal && differs);
		maglev_free(one);
		maglev_free(other);
		free(of_a.dests);
		free(of_b.dests);
	}
}

static struct differ_rules rules_for(void *ud, const struct virtual_server *vs)
{
	(void)vs;
	return rules_of(ud);
}

static void services_with_other_schedulers_are_none(void **state)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_MH, "1 2", "1 2");
	const struct virtual_server *servers[] = {&s->vs};
	const struct audit_ops ops = {.rules = rules_for};
	struct ipvs_table table = {.n_services = 1};
	struct sketch none = {0}, sketch;
	struct ipvs_service read;

	(void)state;
	sim_read(&read, &s->kernel);
	table.services = &read;
	tables_sketch(&sketch, servers, 1, &table, &ops, s);
	assert_false(sketch_equal(&sketch, &none));
	snprintf(read.scheduler, sizeof read.scheduler, "rr");
	tables_sketch(&sketch, servers, 1, &table, &ops, s);
	assert_true(sketch_equal(&sketch, &none));
	free(read.dests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_list_has_the_same_value),
		cmocka_unit_test(what_differs_is_told_by_the_value),
		cmocka_unit_test(what_a_check_has_taken_down_is_told_apart),
		cmocka_unit_test(settings_count),
		cmocka_unit_test(equal_values_are_equal_tables),
		cmocka_unit_test(services_with_other_schedulers_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
