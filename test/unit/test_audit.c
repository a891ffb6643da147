/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/audit.h"

#include "ipvs_sim.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

struct scene {
	bool order, backwards, doubt;
	bool down, evict; /* all are down, with connections; those count */
	size_t n_wrong;
	struct place wrong[8];
};

/* Of those that are: all but the first. */
static bool is_down(void *ud, const struct virtual_server *vs, const struct real_server *real)
{
	const struct scene *s = ud;

	return s && s->down && real != &vs->reals[0];
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
	return (struct differ_rules){
		.may_add = vs != NULL, .is_down = is_down, .is_spare = never_spare, .ud = ud};
}

static bool is_doubtful(void *ud, const struct virtual_server *vs, const struct ipvs_service *held)
{
	const struct place wanted = virtual_server_place(vs), there = ipvs_service_place(held);

	assert_int_equal(place_cmp(&wanted, &there), 0);
	return ((struct scene *)ud)->doubt;
}

/* As a service with all that is wanted, filled in order, or from the end with `backwards`. */
static void hold(struct ipvs_table *table, const struct virtual_server *vs, struct scene *s)
{
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};
	const struct differ_rules all = rules(NULL, vs);
	struct ipvs_service service;

	differ_build(&ops, vs, NULL, &all);
	service = ops.items[ops.n_items - 1].service;
	for (size_t i = 1; i < ops.n_items - 1; i++)
		ipvs_service_add(&service, &ops.items[s->backwards ? i : ops.n_items - 1 - i].dest);
	ipvs_service_sort(&service);
	for (size_t i = 1; s->down && i < service.n_dests; i++) {
		service.dests[i].weight = 0;
		service.dests[i].inactive_conns = 1;
	}
	ipvs_table_add(table, &service);
}

/* What the letters say is wanted, and what they say is held; at most `max` places. */
static void look(struct scene *s, const char *wanted, const char *held, size_t max)
{
	const struct audit_ops ops = {rules, is_doubtful, s->order, s->evict};
	CLEANUP(fleet_unrefp) struct fleet *fleet = letters_fleet(wanted);
	CLEANUP(fleet_unrefp) struct fleet *there = letters_fleet(held);
	CLEANUP(ipvs_table_freep) struct ipvs_table *table = ipvs_table_new();

	for (size_t i = 0; i < there->n_servers; i++)
		hold(table, there->servers[i], s);
	ipvs_table_sort(table);
	s->n_wrong = audit(s->wrong, max, fleet_servers(fleet), fleet->n_servers, table, &ops, s);
}

/* The last numbers of the VIPs that were found wrong. */
static void assert_wrong(struct scene s, const char *wanted, const char *held, const char *vips)
{
	char found[sizeof s.wrong / sizeof s.wrong[0] + 1] = "";

	look(&s, wanted, held, sizeof s.wrong / sizeof s.wrong[0]);
	for (size_t i = 0; i < s.n_wrong; i++)
		found[i] = (char)('0' + s.wrong[i].vip.bytes[3]);
	assert_string_equal(found, vips);
}

static void where_all_is_right_nothing_is_said(void **state)
{
	(void)state;
	assert_wrong((struct scene){0}, "ab+C", "ab+C", "");
	assert_wrong((struct scene){0}, "", "", "");
}

static void what_is_missing_is_wrong(void **state)
{
	(void)state;
	assert_wrong((struct scene){0}, "ac", "a", "3");
	assert_wrong((struct scene){0}, "abc", "", "123");
}

static void what_nobody_asked_for_is_wrong(void **state)
{
	(void)state;
	assert_wrong((struct scene){0}, "b", "abc", "13");
	assert_wrong((struct scene){0}, "", "ab", "12");
}

static void real_servers_are_compared_too(void **state)
{
	(void)state;
	assert_wrong((struct scene){0}, "a+b", "ab", "1");
	assert_wrong((struct scene){0}, "ab", "ab+", "2");
}

static void the_order_counts_where_it_shall(void **state)
{
	(void)state;
	assert_wrong((struct scene){.order = true, .backwards = true}, "a++bc+", "a++bc+", "13");
	assert_wrong((struct scene){.order = true}, "a++bc+", "a++bc+", "");
	assert_wrong((struct scene){.backwards = true}, "a++bc+", "a++bc+", "");
}

static void a_doubt_is_enough(void **state)
{
	(void)state;
	assert_wrong((struct scene){.doubt = true}, "ab", "bc", "123");
	assert_wrong((struct scene){.doubt = true}, "ab", "ab", "12");
}

static void udp_connections_to_who_is_down_count_where_they_shall(void **state)
{
	(void)state;
	assert_wrong((struct scene){.down = true, .evict = true}, "a+B+", "a+B+", "2");
	assert_wrong((struct scene){.down = true}, "a+B+", "a+B+", "");
	assert_wrong((struct scene){.evict = true}, "a+B+", "a+B+", "");
}

static void what_is_above_the_limit_is_left_for_the_next_time(void **state)
{
	struct scene s = {0};

	(void)state;
	look(&s, "abcde", "", 2);
	assert_int_equal(s.n_wrong, 2);
	assert_int_equal(s.wrong[1].vip.bytes[3], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_all_is_right_nothing_is_said),
		cmocka_unit_test(what_is_missing_is_wrong),
		cmocka_unit_test(what_nobody_asked_for_is_wrong),
		cmocka_unit_test(real_servers_are_compared_too),
		cmocka_unit_test(the_order_counts_where_it_shall),
		cmocka_unit_test(a_doubt_is_enough),
		cmocka_unit_test(udp_connections_to_who_is_down_count_where_they_shall),
		cmocka_unit_test(what_is_above_the_limit_is_left_for_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
