/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet.h"
#include "world.h"

/* Where the VIPs of a decision come from. */

#define SLICES(name, ns)                                                                           \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                              \
	"metadata: {name: " name ", namespace: " ns ", labels: {kubernetes.io/service-name: a}}\n" \
	"addressType: IPv4\nendpoints: [{addresses: [172.16.0.1]}]\nports: [{port: 80}]\n"

/* What becomes of one Service: "VIPS [OUTCOME REASON: MESSAGE]". */
static void expect_fleet(enum addressing addressing, size_t n_pools, const char *id,
	const char *annotations, const char *held, const char *wanted)
{
	static const char *const outcomes[] = {[FLEET_REJECTED] = "rejected ",
		[FLEET_PENDING] = "pending ",
		[FLEET_SERVED] = "served "};
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	CLEANUP_FREE char *text = NULL, *vips = NULL;
	const struct fleet_service *verdict;
	struct world w;

	world_init(&w);
	w.rules.addressing = addressing;
	w.rules.n_pools = n_pools;
	put(&w, id, annotations, "", held);
	put_all(w.store, SLICES("a", "web") SLICES("a", "shop"));
	f = fleet_build(w.store, &w.rules);
	assert_int_equal(f->n_services, 1);
	verdict = f->services[0];
	vips = vips_of(&(struct assignment){.vips = verdict->vips, .n_vips = verdict->n_vips});
	text = xasprintf("%s%s%s%s: %s", vips, *vips ? " " : "", outcomes[verdict->outcome],
		reason_name(verdict->reason), verdict->message);
	assert_string_equal(text, wanted);
	assert_int_equal(f->n_servers, verdict->n_vips);
	for (size_t i = 0; i < f->n_servers; i++)
		assert_true(ipaddr_equal(&f->servers[i]->vip, &verdict->vips[i]));
	world_done(&w);
}

#define ONE "served Served: 1 virtual server with 1 real server"

static void test_manifests_have_what_they_ask_for(void **state)
{
	(void)state;
	expect_fleet(ADDRESSING_ASKED, 0, "web/a", "kago.dev/vip: 10.9.9.9", "", "10.9.9.9 " ONE);
	expect_fleet(ADDRESSING_ASKED, 0, "web/a", "kago.dev/vip: 10.9.9.9", "10.1.1.1",
		"10.9.9.9 " ONE);
	expect_fleet(ADDRESSING_ASKED, 0, "web/a", "", "10.9.9.9", "10.9.9.9 " ONE);
	expect_fleet(ADDRESSING_ASKED, 0, "web/a", "", "",
		"rejected NoAddress: no VIP: set kago.dev/vip, such as \"10.1.1.1\" or "
		"\"10.1.1.1,fd00::1\"");
	expect_fleet(ADDRESSING_ASKED, 0, "web/a", "kago.dev/vip: 10.9.9.9, kago.dev/pool: x", "",
		"rejected PoolUnknown: kago.dev/pool: there is no pool 'x'; the namespace web may "
		"use none");
}

static void test_pools_limit_what_manifests_may_have(void **state)
{
	(void)state;
	expect_fleet(
		ADDRESSING_ASKED, N_POOLS, "web/a", "kago.dev/vip: 10.1.1.1", "", "10.1.1.1 " ONE);
	expect_fleet(ADDRESSING_ASKED, N_POOLS, "web/a", "kago.dev/vip: 10.2.2.1", "",
		"rejected AddressNotInPool: 10.2.2.1 is in the pool shop, which the namespace web "
		"may not use; it may use public, reserved, wide");
	expect_fleet(
		ADDRESSING_ASKED, N_POOLS, "shop/a", "kago.dev/vip: 10.2.2.1", "", "10.2.2.1 " ONE);
	expect_fleet(ADDRESSING_ASKED, N_POOLS, "web/a", "", "10.1.1.1 10.2.2.1 10.9.9.9",
		"10.1.1.1 " ONE);
}

static void test_a_cluster_has_what_status_says(void **state)
{
	(void)state;
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "", "10.1.1.1", "10.1.1.1 " ONE);
	/* The leader changes the status first. */
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "kago.dev/vip: 10.1.1.2", "10.1.1.1",
		"10.1.1.1 " ONE);
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "", "10.2.2.1",
		"pending NoAddress: waiting for an address");
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "shop/a", "", "10.2.2.1", "10.2.2.1 " ONE);
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "kago.dev/vip: 10.1.1.1", "",
		"pending NoAddress: waiting for an address");
}

static void test_who_waits_in_vain_hears_why(void **state)
{
	(void)state;
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "kago.dev/vip: 10.9.9.9", "",
		"pending NoAddress: waiting for an address: 10.9.9.9 is in no pool; the namespace "
		"web may use public, reserved, wide");
	expect_fleet(ADDRESSING_STATUS, 0, "web/a", "", "10.1.1.1",
		"pending NoAddress: waiting for an address: no pool is configured");
	expect_fleet(ADDRESSING_STATUS, N_POOLS, "web/a", "kago.dev/scheduler: x", "10.1.1.1",
		"rejected InvalidAnnotation: kago.dev/scheduler: 'x' is none of rr, wrr, lc, wlc, "
		"sh, mh");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifests_have_what_they_ask_for),
		cmocka_unit_test(test_pools_limit_what_manifests_may_have),
		cmocka_unit_test(test_a_cluster_has_what_status_says),
		cmocka_unit_test(test_who_waits_in_vain_hears_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
