/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/audit.h"

#include "ipvs_sim.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

/* What was told. */
struct scene {
	bool order, backwards;
	unsigned n_pairs, n_wrong;
	struct place last_wrong;
};

static bool never_down(void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	(void)ud;
	(void)vs;
	(void)real;
	return false;
}

static bool never_spare(void *ud, const struct virtual_server *vs, const struct ipvs_dest *dest)
{
	(void)ud;
	(void)vs;
	(void)dest;
	return false;
}

static struct differ_rules rules(void *ud, const struct virtual_server *vs)
{
	return (struct differ_rules){vs != NULL, never_down, never_spare, ud};
}

static void on_pair(void *ud, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct place wanted = virtual_server_place(vs), there = ipvs_service_place(held);

	assert_int_equal(place_cmp(&wanted, &there), 0);
	((struct scene *)ud)->n_pairs++;
}

static void on_wrong(void *ud, const struct place *place)
{
	struct scene *s = ud;

	s->n_wrong++;
	s->last_wrong = *place;
}

/* As a service with all that is wanted, filled in order, or from the end with `backwards`. */
static void hold(struct ipvs_table *table, const struct virtual_server *vs, bool backwards)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	const struct differ_rules all = rules(NULL, vs);
	struct ipvs_service service;

	differ_build(&ops, vs, NULL, &all);
	service = ops.items[ops.n_items - 1].service;
	for (size_t i = 1; i < ops.n_items - 1; i++)
		ipvs_service_add(&service, &ops.items[backwards ? i : ops.n_items - 1 - i].dest);
	ipvs_service_sort(&service);
	ipvs_table_add(table, &service);
}

/* What the letters say is wanted, and what they say is held. */
static struct audit_report look(struct scene *s, const char *wanted, const char *held)
{
	static const struct audit_ops unordered = {rules, on_pair, on_wrong, false};
	static const struct audit_ops ordered = {rules, on_pair, on_wrong, true};
	CLEANUP(fleet_freep) struct fleet *fleet = letters_fleet(wanted);
	CLEANUP(fleet_freep) struct fleet *there = letters_fleet(held);
	const struct virtual_server *const *servers = fleet_servers(fleet);
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = ipvs_table_new();

	for (size_t i = 0; i < there->n_servers; i++)
		hold(table, there->servers[i], s->backwards);
	ipvs_table_sort(table);
	return audit(servers, fleet->n_servers, table, s->order ? &ordered : &unordered, s);
}

static void assert_report(const struct audit_report *r, size_t missing, size_t different,
	size_t stray, const char *first)
{
	assert_int_equal(r->missing, missing);
	assert_int_equal(r->different, different);
	assert_int_equal(r->stray, stray);
	assert_string_equal(r->first, first);
}

static void where_all_is_right_nothing_is_said(void **state)
{
	struct scene s = {0};
	const struct audit_report r = look(&s, "ab+C", "ab+C");

	(void)state;
	assert_report(&r, 0, 0, 0, "");
	assert_int_equal(r.unordered, 0);
	assert_int_equal(s.n_pairs, 3);
	assert_int_equal(s.n_wrong, 0);
}

static void nothing_wanted_and_nothing_held_is_right(void **state)
{
	struct scene s = {0};
	const struct audit_report r = look(&s, "", "");

	(void)state;
	assert_report(&r, 0, 0, 0, "");
}

static void what_is_missing_is_counted_with_what_it_needs(void **state)
{
	struct scene s = {0};
	const struct audit_report r = look(&s, "ac", "a");

	(void)state;
	assert_report(&r, 2, 0, 0, "10.1.1.3 port 80/tcp: missing");
	assert_int_equal(s.n_wrong, 1);
	assert_int_equal(s.last_wrong.vip.bytes[3], 3);
}

static void what_nobody_asked_for_is_counted(void **state)
{
	struct scene s = {0};
	const struct audit_report r = look(&s, "b", "ab");

	(void)state;
	assert_report(&r, 0, 0, 1, "10.1.1.1 port 80/tcp: not asked for");
	assert_int_equal(s.n_pairs, 1);
	assert_int_equal(s.n_wrong, 1);
}

static void real_servers_are_compared_too(void **state)
{
	struct scene s = {0};
	const struct audit_report missing = look(&s, "a+b", "ab");
	const struct audit_report stray = look(&s, "ab", "ab+");

	(void)state;
	assert_report(&missing, 1, 0, 0,
		"real server 172.16.0.2 port 8080 of 10.1.1.1 port 80/tcp: missing");
	assert_report(&stray, 0, 0, 1,
		"real server 172.16.0.2 port 8080 of 10.1.1.2 port 80/tcp: not asked for");
	assert_int_equal(s.n_wrong, 2);
}

static void the_order_counts_where_it_shall(void **state)
{
	struct scene right = {.order = true}, wrong = {.order = true, .backwards = true};
	struct scene any = {.backwards = true};
	const struct audit_report r = look(&wrong, "a++bc+", "a++bc+");

	(void)state;
	assert_report(&r, 0, 0, 0, "");
	assert_int_equal(r.unordered, 2);
	assert_int_equal(wrong.n_wrong, 2);
	assert_int_equal(look(&right, "a++bc+", "a++bc+").unordered, 0);
	assert_int_equal(look(&any, "a++bc+", "a++bc+").unordered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_all_is_right_nothing_is_said),
		cmocka_unit_test(nothing_wanted_and_nothing_held_is_right),
		cmocka_unit_test(what_is_missing_is_counted_with_what_it_needs),
		cmocka_unit_test(what_nobody_asked_for_is_counted),
		cmocka_unit_test(real_servers_are_compared_too),
		cmocka_unit_test(the_order_counts_where_it_shall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
