/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet_diff.h"

#include "addresses.h"

static struct real_server real(const char *ip, uint16_t port, uint32_t weight)
{
	return (struct real_server){.addr = addr_of(ip), .port = port, .weight = weight};
}

static struct virtual_server server(const char *vip, struct real_server *reals, size_t n)
{
	return (struct virtual_server){.vip = addr_of(vip),
		.port = 80,
		.protocol = IPPROTO_TCP,
		.reals = reals,
		.n_reals = n};
}

struct changed {
	const struct virtual_server *servers[8];
	size_t n;
};

static void note(void *ud, const struct virtual_server *old, const struct virtual_server *new)
{
	struct changed *c = ud;

	c->servers[c->n++] = new ? new : old;
}

static void test_equal_lists_do_not_differ(void **state)
{
	struct real_server reals[] = {real("10.0.0.1", 80, 1)};
	struct virtual_server a = server("10.1.1.1", reals, 1), b = server("10.1.1.2", reals, 1);
	const struct virtual_server *list[] = {&a, &b};
	struct changed changed = {0};
	struct fleet_diff d = fleet_diff(list, 2, list, 2, note, &changed);

	(void)state;
	assert_true(fleet_diff_empty(&d));
	assert_int_equal(changed.n, 0);
}

static void test_added_and_removed_services_are_counted(void **state)
{
	struct real_server reals[] = {real("10.0.0.1", 80, 1)};
	struct virtual_server a = server("10.1.1.1", reals, 1), b = server("10.1.1.2", reals, 1),
			      c = server("10.1.1.3", reals, 1);
	const struct virtual_server *old[] = {&a, &b}, *new[] = {&b, &c};
	struct changed changed = {0};
	struct fleet_diff d = fleet_diff(old, 2, new, 2, note, &changed);

	(void)state;
	assert_int_equal(d.services_added, 1);
	assert_int_equal(d.services_removed, 1);
	assert_int_equal(d.services_changed, 0);
	assert_int_equal(changed.n, 2);
	assert_ptr_equal(changed.servers[0], &a);
	assert_ptr_equal(changed.servers[1], &c);
}

static void test_real_servers_are_counted_by_what_happened_to_them(void **state)
{
	struct real_server before[] = {
		real("10.0.0.1", 80, 1), real("10.0.0.2", 80, 1), real("10.0.0.3", 80, 1)};
	struct real_server after[] = {real("10.0.0.1", 80, 0), real("10.0.0.3", 80, 1),
		real("10.0.0.3", 81, 1), real("10.0.0.4", 80, 1)};
	struct virtual_server a = server("10.1.1.1", before, 3), b = server("10.1.1.1", after, 4);
	const struct virtual_server *old[] = {&a}, *new[] = {&b};
	struct changed changed = {0};
	struct fleet_diff d = fleet_diff(old, 1, new, 1, note, &changed);

	(void)state;
	assert_int_equal(d.reals_added, 2);
	assert_int_equal(d.reals_removed, 1);
	assert_int_equal(d.reals_changed, 1);
	assert_int_equal(d.services_changed, 0);
	assert_ptr_equal(changed.servers[0], &b);
}

static void test_another_way_to_a_real_server_is_a_change(void **state)
{
	struct real_server before[] = {real("10.0.0.1", 80, 1), real("10.0.0.2", 80, 1)};
	struct real_server after[] = {real("10.0.0.1", 80, 1), real("10.0.0.2", 80, 1)};
	struct virtual_server a = server("10.1.1.1", before, 2), b = server("10.1.1.1", after, 2);
	const struct virtual_server *old[] = {&a}, *new[] = {&b};

	(void)state;
	after[0].forward.method = FORWARD_TUNNEL;
	after[1].target = 8080;
	assert_int_equal(fleet_diff(old, 1, new, 1, NULL, NULL).reals_changed, 2);
}

static void test_any_setting_is_a_change(void **state)
{
	char path[] = "/a", other_path[] = "/b";
	struct real_server reals[] = {real("10.0.0.1", 80, 1)};
	struct virtual_server a = server("10.1.1.1", reals, 1), variants[7];
	const struct virtual_server *old[] = {&a};

	(void)state;
	a.check = (struct health_check){
		.type = CHECK_HTTP, .path = path, .interval = 5, .timeout = 3};
	for (size_t i = 0; i < 7; i++)
		variants[i] = a;
	variants[0].scheduler = SCHEDULER_MH;
	variants[1].persistence = 10;
	variants[2].check.type = CHECK_TCP;
	variants[3].check.path = other_path;
	variants[4].check.port = 1;
	variants[5].check.interval = 6;
	variants[6].check.timeout = 4;
	for (size_t i = 0; i < 7; i++) {
		const struct virtual_server *new[] = {&variants[i]};
		struct fleet_diff d = fleet_diff(old, 1, new, 1, NULL, NULL);

		assert_int_equal(d.services_changed, 1);
	}
}

static void test_nothing_against_something(void **state)
{
	struct real_server reals[] = {real("10.0.0.1", 80, 1)};
	struct virtual_server a = server("10.1.1.1", reals, 1);
	const struct virtual_server *list[] = {&a};

	(void)state;
	assert_int_equal(fleet_diff(NULL, 0, list, 1, NULL, NULL).services_added, 1);
	assert_int_equal(fleet_diff(list, 1, NULL, 0, NULL, NULL).services_removed, 1);
}

static void test_other_clients_are_no_change_of_what_keepalived_is_told(void **state)
{
	struct real_server reals[] = {real("10.0.0.1", 80, 1)};
	struct ipnet all = {addr_of("10.0.0.0"), 8};
	struct virtual_server open = server("10.1.1.1", reals, 1), some = open;
	const struct virtual_server *before[] = {&open}, *after[] = {&some};
	struct fleet_diff d;

	(void)state;
	some.restricted = true;
	some.sources = &all;
	some.n_sources = 1;
	d = fleet_diff(before, 1, after, 1, NULL, NULL);
	assert_true(fleet_diff_empty(&d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_lists_do_not_differ),
		cmocka_unit_test(test_added_and_removed_services_are_counted),
		cmocka_unit_test(test_real_servers_are_counted_by_what_happened_to_them),
		cmocka_unit_test(test_another_way_to_a_real_server_is_a_change),
		cmocka_unit_test(test_any_setting_is_a_change),
		cmocka_unit_test(test_nothing_against_something),
		cmocka_unit_test(test_other_clients_are_no_change_of_what_keepalived_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
