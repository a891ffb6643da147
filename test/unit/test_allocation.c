/* SPDX-License-Identifier: Apache-2.0 */
#include "address/allocation.h"

#include <time.h>

#include "base/fsutil.h"
#include "world.h"

static void expect(const struct world *w, const char *wanted)
{
	CLEANUP(allocation_freep)
	struct allocation *all = world_allocate(w);
	CLEANUP_FREE char *text = describe(all);

	assert_string_equal(text, wanted);
}

/* What one Service, alone in the world, comes to. */
static void expect_alone(const char *id, const char *annotations, const char *spec,
	const char *held, const char *wanted)
{
	CLEANUP_FREE char *line = xasprintf("%s %s\n", id, wanted);
	struct world w;

	world_init(&w);
	put(&w, id, annotations, spec, held);
	expect(&w, line);
	world_done(&w);
}

static void test_who_asks_for_nothing_gets_the_lowest_free_address(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "", "", "");
	put(&w, "web/b", "", "", "");
	put(&w, "web/c", "", "", "10.1.1.1");
	expect(&w, "web/a 10.1.1.2\nweb/b 10.1.1.3\nweb/c 10.1.1.1\n");
	world_done(&w);
}

static void test_pools_are_tried_in_order_and_by_namespace(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < 4; i++) {
		CLEANUP_FREE char *shop = xasprintf("shop/%s", names[i]);

		put(&w, shop, "", "ipFamilies: [IPv4],", "");
	}
	put(&w, "web/a", "", "ipFamilies: [IPv4],", "");
	expect(&w, "shop/a 10.1.1.1\nshop/b 10.1.1.2\nshop/c 10.1.1.3\nshop/d 10.2.2.0\n"
		   "web/a PoolExhausted: no free IPv4 address in public: all 3 are in use\n");
	world_done(&w);
}

static void test_a_pool_can_be_named(void **state)
{
	(void)state;
	expect_alone("shop/a", "kago.dev/pool: shop", "", "", "10.2.2.0");
	expect_alone("web/a", "kago.dev/pool: reserved", "", "", "10.3.3.254");
	expect_alone("web/a", "metallb.io/address-pool: reserved", "", "", "10.3.3.254");
	expect_alone("web/a", "kago.dev/pool: wide", "", "", "2001:db8::");
	expect_alone("web/a", "kago.dev/pool: reserve", "", "",
		"PoolUnknown: kago.dev/pool: there is no pool 'reserve'; did you mean reserved?");
	expect_alone("web/a", "kago.dev/pool: elsewhere", "", "",
		"PoolUnknown: kago.dev/pool: there is no pool 'elsewhere'; the namespace web may "
		"use public, reserved, wide");
	expect_alone("web/a", "kago.dev/pool: shop", "", "",
		"PoolNotAllowed: kago.dev/pool: the namespace web may not use the pool shop; it "
		"may use public, reserved, wide");
}

static void test_addresses_can_be_named(void **state)
{
	(void)state;
	expect_alone("web/a", "kago.dev/vip: '10.1.1.3, fd00::2'", "", "", "10.1.1.3 fd00::2");
	expect_alone("web/a", "", "loadBalancerIP: 10.3.3.254,", "", "10.3.3.254");
	expect_alone("web/a", "kago.dev/vip: 10.9.9.9", "", "",
		"AddressNotInPool: 10.9.9.9 is in no pool; the namespace web may use public, "
		"reserved, wide");
	expect_alone("web/a", "kago.dev/vip: 10.2.2.1", "", "",
		"AddressNotInPool: 10.2.2.1 is in the pool shop, which the namespace web may not "
		"use; it may use public, reserved, wide");
	expect_alone("web/a", "kago.dev/vip: 10.1.1.1, kago.dev/pool: reserved", "", "",
		"AddressNotInPool: 10.1.1.1 is in the pool public, not in reserved that "
		"kago.dev/pool names");
	expect_alone("web/a", "kago.dev/vip: 10.3.3.255", "", "",
		"AddressNotInPool: 10.3.3.255 is not handed out: the pool reserved avoids "
		"addresses that end in .0 or .255");
	/* All or nothing. */
	expect_alone("web/a", "kago.dev/vip: '10.1.1.1, 10.2.2.1'", "", "",
		"AddressNotInPool: 10.2.2.1 is in the pool shop, which the namespace web may not "
		"use; it may use public, reserved, wide");
}

static void test_a_namespace_has_no_more_of_a_pool_than_it_may(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.pools[0].per_namespace = 2;
	put(&w, "web/a", "", "", "");
	put(&w, "web/b", "", "", "");
	put(&w, "web/c", "", "", "");
	put(&w, "web/d", "kago.dev/vip: 10.1.1.3", "", "");
	put(&w, "api/a", "", "", "");
	expect(&w, "api/a 10.1.1.1\nweb/a 10.1.1.2\n"
		   "web/b QuotaExceeded: the namespace web would have 3 addresses of the pool "
		   "public; it may have 2\n"
		   "web/c QuotaExceeded: the namespace web would have 3 addresses of the pool "
		   "public; it may have 2\n"
		   "web/d 10.1.1.3\n");
	world_done(&w);
}

/* What it has it keeps, and one address for another is not one more. */
static void test_a_quota_takes_nothing_away_and_lets_a_service_move(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.pools[0].per_namespace = 1;
	put(&w, "web/a", "", "", "10.1.1.1");
	put(&w, "web/b", "", "", "10.1.1.2");
	put(&w, "shop/a", "kago.dev/vip: 10.1.1.3", "", "fd00::1");
	expect(&w, "shop/a 10.1.1.3\nweb/a 10.1.1.1\nweb/b 10.1.1.2\n");
	world_done(&w);
}

static void test_a_shared_address_counts_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.pools[0].per_namespace = 1;
	put(&w, "web/a", "kago.dev/share: k", "ports: [{port: 80}]", "");
	put(&w, "web/b", "kago.dev/share: k", "ports: [{port: 81}]", "");
	put(&w, "web/c", "kago.dev/share: k", "ports: [{port: 81}]", "");
	expect(&w, "web/a 10.1.1.1\nweb/b 10.1.1.1\n"
		   "web/c QuotaExceeded: the namespace web would have 2 addresses of the pool "
		   "public; it may have 1\n");
	world_done(&w);
}

static void test_a_service_has_no_more_of_a_pool_than_it_may(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.pools[0].per_service = 1;
	put(&w, "web/a", "kago.dev/vip: '10.1.1.1, 10.1.1.2'", "", "");
	put(&w, "web/b", "", "ipFamilyPolicy: PreferDualStack,", "");
	put(&w, "web/c", "", "ipFamilyPolicy: RequireDualStack,", "");
	expect(&w, "web/a QuotaExceeded: it asks for 2 addresses of the pool public; a Service may "
		   "have 1\n"
		   "web/b 10.1.1.1\n"
		   "web/c QuotaExceeded: it asks for 2 addresses of the pool public; a Service may "
		   "have 1\n");
	world_done(&w);
}

static void test_addresses_that_confuse_are_passed_over(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "kago.dev/pool: reserved", "", "");
	put(&w, "web/b", "kago.dev/pool: reserved", "", "");
	put(&w, "web/c", "kago.dev/pool: reserved", "", "");
	expect(&w, "web/a 10.3.3.254\nweb/b 10.3.4.1\n"
		   "web/c PoolExhausted: no free IPv4 address in reserved: all 2 are in use\n");
	world_done(&w);
	/* Who has one already keeps it. */
	expect_alone("web/a", "", "", "10.3.3.255", "10.3.3.255");
}

static void test_families_are_honoured(void **state)
{
	(void)state;
	expect_alone("web/a", "", "ipFamilies: [IPv6],", "", "fd00::1");
	expect_alone("web/a", "", "ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4],", "",
		"10.1.1.1 fd00::1");
	expect_alone("web/a", "", "ipFamilyPolicy: RequireDualStack,", "", "10.1.1.1 fd00::1");
	expect_alone("web/a", "kago.dev/pool: reserved",
		"ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6],", "", "10.3.3.254");
	expect_alone("web/a", "kago.dev/pool: reserved", "ipFamilyPolicy: RequireDualStack,", "",
		"NoPool: no pool for it has IPv6 addresses; looked in reserved");
	/* What another policy makes superfluous is given back. */
	expect_alone("web/a", "", "ipFamilies: [IPv4],", "10.1.1.2 fd00::2", "10.1.1.2");
	expect_alone(
		"web/a", "", "ipFamilyPolicy: RequireDualStack,", "10.1.1.2", "10.1.1.2 fd00::1");
}

static void test_without_a_pool_nothing_is_given(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "", "", "10.1.1.1");
	w.rules.n_pools = 0;
	expect(&w, "web/a NoPool: no pool is configured\n");
	w.rules.pools = w.pools + 1;
	w.rules.n_pools = 1;
	expect(&w, "web/a NoPool: the namespace web may use no pool\n");
	w.rules.n_pools = 2;
	expect(&w, "web/a NoPool: no pool assigns addresses to the namespace web by itself; "
		   "kago.dev/pool may name reserved\n");
	world_done(&w);
}

static void test_what_is_held_is_kept_while_it_may_be(void **state)
{
	(void)state;
	/* Of a pool that does not assign by itself, but may be used. */
	expect_alone("web/a", "", "", "10.3.3.254", "10.3.3.254");
	/* Of none, and of one that it may not use. */
	expect_alone("web/a", "", "", "10.9.9.9", "10.1.1.1");
	expect_alone("web/a", "", "", "10.2.2.1", "10.1.1.1");
	expect_alone("shop/a", "", "", "10.2.2.1", "10.2.2.1");
	/* One that has another wish moves, and one whose wish cannot be fulfilled stays. */
	expect_alone("web/a", "kago.dev/vip: 10.1.1.3", "", "10.1.1.2", "10.1.1.3");
	expect_alone("web/a", "kago.dev/pool: reserved", "", "10.1.1.2", "10.3.3.254");
	expect_alone("web/a", "kago.dev/vip: 10.9.9.9", "", "10.1.1.2",
		"10.1.1.2 AddressNotInPool: 10.9.9.9 is in no pool; the namespace web may use "
		"public, reserved, wide");
	expect_alone("web/a", "kago.dev/pool: shop", "", "10.1.1.2",
		"10.1.1.2 PoolNotAllowed: kago.dev/pool: the namespace web may not use the pool "
		"shop; it may use public, reserved, wide");
}

static void test_who_is_wrong_keeps_what_it_has(void **state)
{
	(void)state;
	expect_alone("web/a", "kago.dev/scheduler: x", "", "10.1.1.2",
		"10.1.1.2 InvalidAnnotation: kago.dev/scheduler: 'x' is none of rr, wrr, lc, wlc, "
		"sh, mh");
	expect_alone("web/a", "kago.dev/vip: x", "", "10.1.1.2",
		"10.1.1.2 InvalidAnnotation: kago.dev/vip: 'x' is not an IP address");
	expect_alone("web/a", "kago.dev/vip: x", "", "10.2.2.1",
		"InvalidAnnotation: kago.dev/vip: 'x' is not an IP address");
	/* Its other fleet tells, too, and might know the pool. */
	expect_alone("web/a", "kago.dev/fleet: b", "", "10.9.9.9",
		"10.9.9.9 FleetMismatch: kago.dev/fleet: 'b' is not the fleet of "
		"spec.loadBalancerClass 'kago.dev/a'; remove one of them");
}

static void test_a_service_of_another_type_keeps_nothing(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put_all(w.store, SERVICE("a", ", annotations: {kago.dev/fleet: a}}\n"
				      "spec: {ports: [{port: 80}]}\n"
				      "status: {loadBalancer: {ingress: [{ip: 10.1.1.1}]}}"));
	put(&w, "web/b", "", "", "");
	expect(&w,
		"shop/a NotLoadBalancer: spec.type: is 'ClusterIP'; kago serves Services of type "
		"LoadBalancer\nweb/b 10.1.1.1\n");
	world_done(&w);
}

static void test_of_two_with_one_address_the_senior_keeps_it(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/b", "", "", "10.1.1.3");
	put(&w, "web/c", "", "", "10.1.1.3");
	put(&w, "web/a", "kago.dev/scheduler: x", "", "10.1.1.3"); /* wrong ones come last */
	expect(&w, "web/a InvalidAnnotation: kago.dev/scheduler: 'x' is none of rr, wrr, lc, wlc, "
		   "sh, mh\nweb/b 10.1.1.3\nweb/c 10.1.1.1\n");
	world_done(&w);
}

static void test_the_older_one_comes_first_in_everything(void **state)
{
	static const char young[] = "kago.dev/scheduler: rr" AT("2026-02-01T00:00:00Z");
	static const char old[] = "kago.dev/scheduler: rr" AT("2026-01-01T00:00:00Z");
	static const char young_names[] = "kago.dev/vip: 10.1.1.2" AT("2026-02-01T00:00:00Z");
	static const char old_names[] = "kago.dev/vip: 10.1.1.2" AT("2026-01-01T00:00:00Z");
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", young, "", "10.1.1.1");
	put(&w, "web/b", old, "", "10.1.1.1");
	put(&w, "web/c", young, "ipFamilies: [IPv6],", "");
	put(&w, "web/d", old, "ipFamilies: [IPv6],", "");
	put(&w, "web/e", young_names, "", "");
	put(&w, "web/f", old_names, "", "");
	expect(&w, "web/a 10.1.1.3\nweb/b 10.1.1.1\nweb/c fd00::2\nweb/d fd00::1\n"
		   "web/e AddressInUse: 10.1.1.2 is in use by web/f; to share it, Services of one "
		   "namespace say the same kago.dev/share and have distinct ports\n"
		   "web/f 10.1.1.2\n");
	world_done(&w);
}

static void test_a_named_address_is_not_taken_from_another(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "kago.dev/vip: 10.1.1.1", "", "");
	put(&w, "web/b", "", "", "10.1.1.1");
	expect(&w, "web/a AddressInUse: 10.1.1.1 is in use by web/b; to share it, Services of one "
		   "namespace say the same kago.dev/share and have distinct ports\n"
		   "web/b 10.1.1.1\n");
	/* Once that one moves, it is free, and be it in the same breath. */
	put(&w, "web/b", "kago.dev/vip: 10.1.1.2", "", "10.1.1.1");
	expect(&w, "web/a 10.1.1.1\nweb/b 10.1.1.2\n");
	world_done(&w);
}

static void test_named_addresses_come_before_any(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "", "", "");
	put(&w, "web/b", "kago.dev/vip: 10.1.1.1", "", "");
	expect(&w, "web/a 10.1.1.2\nweb/b 10.1.1.1\n");
	world_done(&w);
}

static void test_an_address_is_shared_by_key_namespace_and_port(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "kago.dev/share: k, kago.dev/vip: 10.1.1.2", "", "");
	put(&w, "web/b", "kago.dev/share: k", "ports: [{port: 443}]", "");
	put(&w, "web/c", "kago.dev/share: k", "ports: [{port: 443, protocol: UDP}]", "");
	put(&w, "web/d", "kago.dev/share: k, kago.dev/vip: 10.1.1.2", "", "");
	put(&w, "web/e", "kago.dev/share: other, kago.dev/vip: 10.1.1.2", "ports: [{port: 444}]",
		"");
	put(&w, "zoo/f", "kago.dev/share: k, kago.dev/vip: 10.1.1.2", "ports: [{port: 445}]", "");
	put(&w, "web/g", "kago.dev/share: k", "", "");
	expect(&w, "web/a 10.1.1.2\nweb/b 10.1.1.2\nweb/c 10.1.1.2\n"
		   "web/d AddressInUse: 10.1.1.2 is shared with web/a, but both have TCP port 80\n"
		   "web/e AddressInUse: 10.1.1.2 is in use by web/a; to share it, Services of one "
		   "namespace say the same kago.dev/share and have distinct ports\n"
		   "web/g 10.1.1.1\n"
		   "zoo/f AddressInUse: 10.1.1.2 is in use by web/a; to share it, Services of one "
		   "namespace say the same kago.dev/share and have distinct ports\n");
	world_done(&w);
}

/* Whoever breaks its annotations for a while must not put out those it shares with, or itself. */
static void test_a_wrong_service_stays_at_a_shared_address(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "kago.dev/share: 'a b'", "", "10.1.1.2");
	put(&w, "web/b", "kago.dev/share: k", "ports: [{port: 443}]", "10.1.1.2");
	put(&w, "web/c", "kago.dev/share: k, kago.dev/vip: 10.1.1.2", "", "");
	expect(&w, "web/a 10.1.1.2 InvalidAnnotation: kago.dev/share: 'a b' is not 1 to 63 of "
		   "A-Z a-z 0-9 . _ -\nweb/b 10.1.1.2\n"
		   "web/c AddressInUse: 10.1.1.2 is shared with web/a, but both have TCP port "
		   "80\n");
	world_done(&w);
}

static void test_an_assignment_names_its_pool(void **state)
{
	CLEANUP(allocation_freep) struct allocation *all = NULL;
	struct world w;

	(void)state;
	world_init(&w);
	put(&w, "web/a", "", "", "");
	put(&w, "web/b", "kago.dev/vip: 10.9.9.9", "", "");
	put(&w, "web/c", "kago.dev/pool: wide", "", "");
	all = world_allocate(&w);
	assert_string_equal(allocation_find(all, "web", "a")->pool, "public");
	assert_null(allocation_find(all, "web", "b")->pool);
	assert_string_equal(allocation_find(all, "web", "c")->pool, "wide");
	assert_null(allocation_find(all, "web", "d"));
	assert_null(allocation_find(all, "a", "a"));
	assert_null(allocation_find(all, "z", "a"));
	world_done(&w);
}

static void test_only_services_of_the_fleet_get_addresses(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put_all(w.store, SERVICE("a", "}\nspec: {type: LoadBalancer, ports: [{port: 80}]}")
				 SERVICE("b", "}\nspec: {type: LoadBalancer, ports: [{port: 80}], "
					      "loadBalancerClass: kago.dev/b}"));
	expect(&w, "");
	w.rules.default_class = true;
	expect(&w, "shop/a 10.1.1.1\n");
	world_done(&w);
}

/* Word for word, for users look for what they read. */
static void test_the_document_has_these_messages(void **state)
{
	static const char *const messages[] = {
		"`no free IPv4 address in public: all 3 are in use`",
		"`10.1.1.1 is in use by web/b; to share it, Services of one namespace say the same "
		"kago.dev/share and have distinct ports`",
		"`no pool is configured`",
		"\n10.1.1.2 is shared with web/a, but both have TCP port 80\n",
		"\nno pool for it has IPv6 addresses; looked in reserved\n",
		"\nthe namespace web may use no pool\n",
		"\nno pool assigns addresses to the namespace web by itself; kago.dev/pool may "
		"name reserved\n",
	};
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	if (fs_read(&text, &len, KAGO_SOURCE_DIR "/docs/annotations.md", 1 << 20, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (!strstr(text, messages[i]))
			fail_msg("docs/annotations.md must quote %s", messages[i]);
}

/* All with the last port, and `n_ports` - 1 others before it if they wait. */
static void put_sharer(struct world *w, unsigned i, unsigned n_ports, const char *held)
{
	CLEANUP_FREE char *id = xasprintf("web/s%03u", i);
	json_t *object = service(
		id, "kago.dev/share: k, kago.dev/pool: shared", "ipFamilies: [IPv4],", held);
	json_t *ports = json_array();

	for (unsigned k = 1; k < n_ports; k++)
		json_array_append_new(
			ports, json_pack("{s:o, s:i}", "name", json_sprintf("p%u", k), "port", k));
	json_array_append_new(ports, json_pack("{s:s, s:i}", "name", "last", "port", 9999));
	json_object_set_new(json_object_get(object, "spec"), "ports", ports);
	put_object(w, object);
	json_decref(object);
}

/* How long it takes when 200 wait for what 200 others share, in seconds of the processor. */
static double time_with(unsigned n_ports)
{
	struct test_pool part;
	struct config_pool pool;
	struct world w;
	clock_t begin;

	world_init(&w);
	test_pool_init(&part, "shared", "10.7.0.0-10.7.0.199", NULL);
	test_pools_join(&pool, &part, 1);
	w.rules.pools = &pool;
	w.rules.n_pools = 1;
	for (unsigned i = 0; i < 400; i++) {
		CLEANUP_FREE char *held = i < 200 ? xasprintf("10.7.0.%u", i) : xstrdup("");

		put_sharer(&w, i, i < 200 ? 1 : n_ports, held);
	}
	begin = clock();
	allocation_free(world_allocate(&w));
	begin = clock() - begin;
	world_done(&w);
	test_pools_done(&part, 1);
	return (double)begin / CLOCKS_PER_SEC;
}

static void test_a_tenant_with_many_ports_keeps_the_leader_from_nothing(void **state)
{
	double few = time_with(1), many = time_with(1024);

	(void)state;
	assert_true(many < 30 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tenant_with_many_ports_keeps_the_leader_from_nothing),
		cmocka_unit_test(test_a_namespace_has_no_more_of_a_pool_than_it_may),
		cmocka_unit_test(test_a_quota_takes_nothing_away_and_lets_a_service_move),
		cmocka_unit_test(test_a_shared_address_counts_once),
		cmocka_unit_test(test_a_service_has_no_more_of_a_pool_than_it_may),
		cmocka_unit_test(test_who_asks_for_nothing_gets_the_lowest_free_address),
		cmocka_unit_test(test_pools_are_tried_in_order_and_by_namespace),
		cmocka_unit_test(test_a_pool_can_be_named),
		cmocka_unit_test(test_addresses_can_be_named),
		cmocka_unit_test(test_addresses_that_confuse_are_passed_over),
		cmocka_unit_test(test_families_are_honoured),
		cmocka_unit_test(test_without_a_pool_nothing_is_given),
		cmocka_unit_test(test_what_is_held_is_kept_while_it_may_be),
		cmocka_unit_test(test_who_is_wrong_keeps_what_it_has),
		cmocka_unit_test(test_a_service_of_another_type_keeps_nothing),
		cmocka_unit_test(test_of_two_with_one_address_the_senior_keeps_it),
		cmocka_unit_test(test_the_older_one_comes_first_in_everything),
		cmocka_unit_test(test_a_named_address_is_not_taken_from_another),
		cmocka_unit_test(test_named_addresses_come_before_any),
		cmocka_unit_test(test_an_address_is_shared_by_key_namespace_and_port),
		cmocka_unit_test(test_a_wrong_service_stays_at_a_shared_address),
		cmocka_unit_test(test_an_assignment_names_its_pool),
		cmocka_unit_test(test_only_services_of_the_fleet_get_addresses),
		cmocka_unit_test(test_the_document_has_these_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
