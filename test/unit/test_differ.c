/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/differ.h"

#include "ipvs_scene.h"

/* Frees the scene. */
static void assert_builds(struct scene *s, const char *wanted)
{
	CLEANUP_FREE struct scene *own = s;
	CLEANUP_IPVS_OPS struct ipvs_ops ops = build(own, true);
	char text[1024];

	assert_string_equal(sim_text(text, &ops), wanted);
}

static void assert_reorders(struct scene *s, const char *wanted)
{
	CLEANUP_FREE struct scene *own = s;
	CLEANUP_IPVS_OPS struct ipvs_ops ops = reorder(own);
	char text[1024];

	assert_string_equal(sim_text(text, &ops), wanted);
}

static void a_new_service_gets_its_scheduler_when_it_is_full(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "1 2 3@0", NULL), "new none +1 +2 +3@0 set rr");
}

/* With mh the table has slots for what was added at a weight. */
static void what_drains_in_a_new_mh_service_is_added_with_a_weight(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_MH, "1 2@0 3", NULL), "new none +1 +2 =2@0 +3 set mh");
}

static void what_is_down_in_a_new_service_gets_no_weight(void **state)
{
	struct scene *rr = scene_new(SCHEDULER_RR, "1 2", NULL);
	struct scene *mh = scene_new(SCHEDULER_MH, "1 2", NULL);

	(void)state;
	rr->down = mh->down = 1 << 2;
	assert_builds(rr, "new none +1 +2@0 set rr");
	assert_builds(mh, "new none +1 +2 =2@0 set mh");
}

static void a_service_nobody_wants_goes_as_a_whole(void **state)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_RR, "1", "1 2");
	CLEANUP_IPVS_OPS struct ipvs_ops ops = build(s, false);
	char text[1024];

	(void)state;
	assert_string_equal(sim_text(text, &ops), "end");
}

static void nothing_is_done_about_nothing(void **state)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_RR, "1", NULL);
	CLEANUP_IPVS_OPS struct ipvs_ops ops = build(s, false);

	(void)state;
	assert_int_equal(ops.n_items, 0);
}

static void nothing_is_done_where_all_is_right(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "1 2@0 3", "3 1 2@0"), "");
}

static void additions_come_first_and_what_takes_connections_goes_last(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "1 2@0 6", "1@0 2 3 4@0 5"), "=1 +6 =2@0 -4 -3 -5");
}

static void the_only_usable_one_stays_until_another_is_there(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "2", "1"), "+2 -1");
	assert_builds(scene_new(SCHEDULER_RR, "1@0 2", "1"), "+2 =1@0");
}

static void a_newcomer_that_drains_gets_slots_of_mh(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_MH, "1 2@0", "1"), "+2 =2@0");
	assert_builds(scene_new(SCHEDULER_SH, "1 2@0", "1"), "+2@0");
}

static void with_clients_not_kept_out_nothing_is_added_and_nothing_raised(void **state)
{
	struct scene *new = scene_new(SCHEDULER_RR, "1", NULL);
	struct scene *old = scene_new(SCHEDULER_RR, "1@0 2 3 4", "1 2 3@0 5");

	(void)state;
	new->may_add = old->may_add = false;
	assert_builds(new, "");
	assert_builds(old, "=1@0 -5");
}

/* Which has no real server in use that it may keep. */
static struct scene *scene_waiting(const char *wanted, const char *held)
{
	struct scene *s = scene_new(SCHEDULER_RR, wanted, held);

	s->may_add = false;
	return s;
}

static void what_was_in_use_stays_while_all_else_waits(void **state)
{
	(void)state;
	assert_builds(scene_waiting("1 2", "3 4"), "");
	assert_builds(scene_waiting("1 2", "1@0 3 4@0"), "-4");
	assert_builds(scene_waiting("1@0 2", "1 3"), "");
}

static void what_is_gone_goes_where_another_one_is_in_use(void **state)
{
	(void)state;
	assert_builds(scene_waiting("1 2", "1 3"), "-3");
}

static void what_is_gone_goes_where_nothing_is_to_come(void **state)
{
	struct scene *down = scene_waiting("1 2@0", "3");

	(void)state;
	down->down = 1 << 1;
	assert_builds(down, "-3");
}

static void what_is_down_gets_no_connection_whatever_waits(void **state)
{
	struct scene *s = scene_waiting("1 2", "1 3");

	(void)state;
	s->down = 1 << 1;
	assert_builds(s, "=1@0");
}

static void what_was_another_service_s_goes_at_once(void **state)
{
	struct scene *s = scene_waiting("1 2", "3 4");

	(void)state;
	s->taken_over = true;
	assert_builds(s, "-3 -4");
}

static void a_check_lowers_and_never_raises(void **state)
{
	struct scene *s = scene_new(SCHEDULER_RR, "1 2@0 3", "1 2@0 3@0");

	(void)state;
	s->down = 1 << 1 | 1 << 2 | 1 << 3;
	assert_builds(s, "=1@0");
}

static void what_is_up_again_is_raised(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "1 2", "1 2@0"), "=2");
}

static void a_weight_nobody_asked_for_is_lowered(void **state)
{
	(void)state;
	assert_builds(scene_new(SCHEDULER_RR, "1", "1@7"), "=1");
}

static void a_spare_is_left_alone(void **state)
{
	struct scene *s = scene_new(SCHEDULER_RR, "1", "1 8 9@0");

	(void)state;
	s->spare = 1 << 8 | 1 << 9;
	assert_builds(s, "");
}

static void assert_set_after(void (*spoil)(struct scene *s))
{
	struct scene *s = scene_new(SCHEDULER_MH, "1", "1");

	spoil(s);
	assert_builds(s, "set mh");
}

static void spoil_flags(struct scene *s)
{
	s->kernel.service.flags ^= IP_VS_SVC_F_SCHED2;
}

static void spoil_persistence(struct scene *s)
{
	s->kernel.service.flags |= IP_VS_SVC_F_PERSISTENT;
}

static void spoil_timeout(struct scene *s)
{
	s->kernel.service.timeout = 300;
}

static void spoil_netmask(struct scene *s)
{
	s->kernel.service.netmask = 0xffffff;
}

static void spoil_scheduler(struct scene *s)
{
	snprintf(s->kernel.service.scheduler, sizeof s->kernel.service.scheduler, "none");
}

static void each_setting_that_is_wrong_is_set(void **state)
{
	(void)state;
	assert_set_after(spoil_flags);
	assert_set_after(spoil_persistence);
	assert_set_after(spoil_timeout);
	assert_set_after(spoil_netmask);
	assert_set_after(spoil_scheduler);
}

static void flags_that_are_the_kernel_s_own_are_not_looked_at(void **state)
{
	struct scene *s = scene_new(SCHEDULER_MH, "1", "1");

	(void)state;
	s->kernel.service.flags |= IP_VS_SVC_F_HASHED;
	assert_builds(s, "");
}

static void persistence_gives_flag_timeout_and_netmask(void **state)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_RR, "1", "1");
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};

	(void)state;
	s->vs.persistence = 10800;
	ops = build(s, true);
	assert_int_equal(ops.n_items, 1);
	assert_int_equal(ops.items[0].service.flags, IP_VS_SVC_F_PERSISTENT);
	assert_int_equal(ops.items[0].service.timeout, 10800);
	assert_int_equal(ops.items[0].service.netmask, UINT32_MAX);
}

static void another_forwarding_method_is_put_right(void **state)
{
	struct scene *s = scene_new(SCHEDULER_RR, "1 2", "1 2@0");

	(void)state;
	s->kernel.dests[0].forward = s->kernel.dests[1].forward = IP_VS_CONN_F_TUNNEL;
	assert_builds(s, "=2 =1");
}

static void a_tunnel_is_asked_for_and_what_is_none_put_right(void **state)
{
	struct scene *s = scene_new(SCHEDULER_RR, "1 2 3", "1 2");
	struct ipvs_ops ops;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		s->reals[i].forward.method = FORWARD_TUNNEL;
	s->kernel.dests[1].forward = IP_VS_CONN_F_TUNNEL;
	ops = build(s, true);
	assert_int_equal(ops.n_items, 2);
	assert_int_equal(ops.items[0].kind, IPVS_ADD_DEST);
	assert_int_equal(ops.items[0].dest.forward, IP_VS_CONN_F_TUNNEL);
	assert_int_equal(ops.items[1].kind, IPVS_EDIT_DEST);
	assert_int_equal(sim_number(&ops.items[1].dest.addr), 2);
	assert_int_equal(ops.items[1].dest.forward, IP_VS_CONN_F_TUNNEL);
	ipvs_ops_done(&ops);
	free(s);
}

/* With "1", which is in use, and "2", which is to drain. */
static struct scene *scene_to_turn(enum forward_method method, uint32_t held)
{
	struct scene *s = scene_waiting("1 2@0", "1 2");

	for (size_t i = 0; i < 2; i++) {
		s->reals[i].forward.method = method;
		s->kernel.dests[i].forward = held;
	}
	return s;
}

static void nothing_becomes_a_tunnel_before_clients_are_kept_out(void **state)
{
	CLEANUP_FREE struct scene *s = scene_to_turn(FORWARD_TUNNEL, IP_VS_CONN_F_MASQ);
	CLEANUP_IPVS_OPS struct ipvs_ops ops = build(s, true);
	char text[1024];

	(void)state;
	assert_string_equal(sim_text(text, &ops), "=2@0");
	assert_int_equal(ops.items[0].dest.forward, IP_VS_CONN_F_MASQ);
}

static void what_is_no_tunnel_any_more_waits_for_nothing(void **state)
{
	(void)state;
	assert_builds(scene_to_turn(FORWARD_NAT, IP_VS_CONN_F_TUNNEL), "=1 =2@0");
}

/* It is as it may be, but not as it shall be. */
static void what_is_moved_does_not_become_a_tunnel(void **state)
{
	CLEANUP_FREE struct scene *s = scene_new(SCHEDULER_MH, "1 2", "2 1");
	CLEANUP_IPVS_OPS struct ipvs_ops ops = {0};

	(void)state;
	s->reals[0].forward.method = s->reals[1].forward.method = FORWARD_TUNNEL;
	ops = reorder(s);
	assert_int_equal(ops.n_items, 2);
	assert_int_equal(ops.items[1].kind, IPVS_ADD_DEST);
	assert_int_equal(ops.items[1].dest.forward, IP_VS_CONN_F_MASQ);
}

static void another_kind_of_tunnel_is_put_right(void **state)
{
	struct scene *s = scene_new(SCHEDULER_RR, "1 2", "1 2");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		s->reals[i].forward =
			(struct forward){FORWARD_TUNNEL, ENCAPSULATION_GUE, (uint16_t)(6080 + i)};
		s->kernel.dests[i].forward = IP_VS_CONN_F_TUNNEL;
		s->kernel.dests[i].tunnel = IP_VS_CONN_F_TUNNEL_TYPE_GUE;
		s->kernel.dests[i].tunnel_port = 6080;
	}
	assert_builds(s, "=2");
}

static void what_was_added_in_order_is_not_moved(void **state)
{
	(void)state;
	assert_reorders(scene_new(SCHEDULER_MH, "1 2 3@0 4", "1 2 3@0 4"), "");
	assert_reorders(scene_new(SCHEDULER_MH, "1 2 3", ""), "");
}

static void only_what_comes_after_the_first_in_disorder_is_moved(void **state)
{
	(void)state;
	assert_reorders(scene_new(SCHEDULER_MH, "1 2 3 4", "1 2 4 3"), "-4 +4");
	assert_reorders(scene_new(SCHEDULER_MH, "1 2 3 4", "4 1 2 3"), "-4 +4");
	assert_reorders(scene_new(SCHEDULER_MH, "1 2 3@0", "2 3@0 1"), "-2 +2 -3 +3 =3@0");
}

static void the_order_counts_for_mh_alone(void **state)
{
	(void)state;
	assert_reorders(scene_new(SCHEDULER_SH, "1 2 3", "3 2 1"), "");
	assert_reorders(scene_new(SCHEDULER_WRR, "1 2 3", "3 2 1"), "");
}

/* Of UDP, with 2 down. Frees nothing. */
static struct scene *scene_down(const char *wanted, const char *held)
{
	struct scene *s = scene_new(SCHEDULER_MH, wanted, held);

	s->vs.protocol = s->kernel.service.protocol = IPPROTO_UDP;
	s->down = 1 << 2;
	return s;
}

/* Frees the scene. */
static void assert_evicts(struct scene *s, uint32_t conns, const char *wanted)
{
	CLEANUP_FREE struct scene *own = s;
	CLEANUP_IPVS_OPS struct ipvs_ops ops = evict(own, conns);
	char text[1024];

	assert_string_equal(sim_text(text, &ops), wanted);
}

static void udp_connections_to_who_is_down_are_ended(void **state)
{
	(void)state;
	assert_evicts(scene_down("1 2 3", "1 2@0 3"), 1, "-2");
	/* One that drains keeps its own. */
	assert_evicts(scene_down("1@0 2 3", "1@0 2@0 3"), 1, "-2");
	assert_evicts(scene_down("1 2 3", "1 2@0 3"), 0, "");
}

static void connections_of_tcp_are_not(void **state)
{
	struct scene *s = scene_down("1 2", "1 2@0");

	(void)state;
	s->vs.protocol = s->kernel.service.protocol = IPPROTO_TCP;
	assert_evicts(s, 1, "");
}

static void where_nobody_else_could_take_them_they_stay(void **state)
{
	(void)state;
	assert_evicts(scene_down("1@0 2", "1@0 2@0"), 1, "");
}

static void who_was_removed_for_it_comes_again_when_it_may(void **state)
{
	struct scene *early = scene_down("1 2 3", "1 3");
	struct scene *well = scene_down("1 2 3", "1 3");

	(void)state;
	early->evicted = true;
	assert_builds(early, "");
	assert_builds(scene_down("1 2 3", "1 3"), "+2 =2@0");
	well->evicted = true;
	well->down = 0;
	assert_builds(well, "+2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_service_gets_its_scheduler_when_it_is_full),
		cmocka_unit_test(what_drains_in_a_new_mh_service_is_added_with_a_weight),
		cmocka_unit_test(what_is_down_in_a_new_service_gets_no_weight),
		cmocka_unit_test(a_service_nobody_wants_goes_as_a_whole),
		cmocka_unit_test(nothing_is_done_about_nothing),
		cmocka_unit_test(nothing_is_done_where_all_is_right),
		cmocka_unit_test(additions_come_first_and_what_takes_connections_goes_last),
		cmocka_unit_test(the_only_usable_one_stays_until_another_is_there),
		cmocka_unit_test(a_newcomer_that_drains_gets_slots_of_mh),
		cmocka_unit_test(with_clients_not_kept_out_nothing_is_added_and_nothing_raised),
		cmocka_unit_test(what_was_in_use_stays_while_all_else_waits),
		cmocka_unit_test(what_is_gone_goes_where_another_one_is_in_use),
		cmocka_unit_test(what_is_gone_goes_where_nothing_is_to_come),
		cmocka_unit_test(what_is_down_gets_no_connection_whatever_waits),
		cmocka_unit_test(what_was_another_service_s_goes_at_once),
		cmocka_unit_test(nothing_becomes_a_tunnel_before_clients_are_kept_out),
		cmocka_unit_test(what_is_no_tunnel_any_more_waits_for_nothing),
		cmocka_unit_test(what_is_moved_does_not_become_a_tunnel),
		cmocka_unit_test(a_check_lowers_and_never_raises),
		cmocka_unit_test(what_is_up_again_is_raised),
		cmocka_unit_test(a_weight_nobody_asked_for_is_lowered),
		cmocka_unit_test(a_spare_is_left_alone),
		cmocka_unit_test(each_setting_that_is_wrong_is_set),
		cmocka_unit_test(flags_that_are_the_kernel_s_own_are_not_looked_at),
		cmocka_unit_test(persistence_gives_flag_timeout_and_netmask),
		cmocka_unit_test(another_forwarding_method_is_put_right),
		cmocka_unit_test(a_tunnel_is_asked_for_and_what_is_none_put_right),
		cmocka_unit_test(another_kind_of_tunnel_is_put_right),
		cmocka_unit_test(what_was_added_in_order_is_not_moved),
		cmocka_unit_test(only_what_comes_after_the_first_in_disorder_is_moved),
		cmocka_unit_test(the_order_counts_for_mh_alone),
		cmocka_unit_test(udp_connections_to_who_is_down_are_ended),
		cmocka_unit_test(connections_of_tcp_are_not),
		cmocka_unit_test(where_nobody_else_could_take_them_they_stay),
		cmocka_unit_test(who_was_removed_for_it_comes_again_when_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
