/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "addresses.h"
#include "base/mem.h"
#include "decide/fleet_diff.h"
#include "decide/fleet_parts.h"
#include "decide/refusals.h"
#include "rounds.h"

/*
 * After any sequence of changes the decision made from the one before is what it would be if all
 * were decided: fleet_build_after is the oracle.
 */

enum { N_SERVICES = 12, ROUNDS = 50000 };

static struct fleet_rules rules = {.fleet = "a"};
static struct tunnel_set tunnel_nodes;
static struct keep_out keep_out = {.what = "another load balancer's address"};
static unsigned seed = 20261129;

static unsigned roll(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

DEFINE_CLEANUP(struct store *, store_free);

static void put(struct store *s, json_t *object)
{
	enum store_change change;
	struct err e = {0};

	assert_non_null(object);
	assert_int_equal(store_put(&change, s, object, &e), 0);
	json_decref(object);
}

static const char *ns_of(unsigned i)
{
	return i % 4 == 3 ? "other" : "shop";
}

/*
 * Services that share VIPs, so that some are in conflict, of different age, and one that is wrong;
 * now and then one is another fleet's.
 */
static void put_service(struct store *s, unsigned i)
{
	const char *to = roll(2) ? "nodes" : "pods";
	const bool nat = roll(2);
	char name[16], vip[32], created[32], med[16];

	snprintf(name, sizeof name, "s%u", i);
	snprintf(vip, sizeof vip, i == 7 ? "no address" : "10.1.1.%u",
		i / 2 + 1 + (i < 6 ? 0 : roll(5) / 4));
	snprintf(created, sizeof created, "2026-01-01T00:00:%02uZ", roll(60));
	snprintf(med, sizeof med, "%u", roll(2));
	put(s, json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s, s:s, s:s*, s:s*, s:s*}}, s:{s:s, "
			 "s:s, s:[s], "
			 "s:[{s:i}, "
			 "{s:s, s:i}]}}",
		       "apiVersion", "v1", "kind", "Service", "metadata", "name", name, "namespace",
		       ns_of(i), "creationTimestamp", created, "annotations", "kago.dev/vip", vip,
		       "kago.dev/scheduler", roll(2) ? "rr" : "mh", "kago.dev/forward",
		       nat ? NULL : "tunnel", "kago.dev/tunnel-to", nat ? NULL : to,
		       "kago.dev/bgp-med", roll(2) ? med : NULL, "spec", "type", "LoadBalancer",
		       "loadBalancerClass", roll(10) ? "kago.dev/a" : "kago.dev/b",
		       "loadBalancerSourceRanges", roll(2) ? "10.0.0.0/8" : "0.0.0.0/0", "ports",
		       "port", (int)(80 + roll(3)), "name", "dns", "port", (int)(53 + roll(3))));
}

static const char *const nodes[] = {"n-0", "n-1", "n-2"};

static json_t *endpoint(unsigned host)
{
	char addr[32];

	snprintf(addr, sizeof addr, "172.16.0.%u", host);
	return json_pack("{s:[s], s:s, s:{s:b, s:b, s:b}}", "addresses", addr, "nodeName",
		nodes[host % 3], "conditions", "ready", roll(3) > 0, "serving", 1, "terminating",
		roll(4) == 0);
}

static void put_slice(struct store *s, unsigned i, unsigned k)
{
	json_t *endpoints = json_array();
	char name[16], service[16];

	for (unsigned n = roll(5); n > 0; n--)
		json_array_append_new(endpoints, endpoint(1 + roll(9)));
	snprintf(name, sizeof name, "s%u-%u", i, k);
	/* At times it goes to another Service, or to one that nobody knows. */
	snprintf(service, sizeof service, "s%u", roll(10) ? i : roll(N_SERVICES + 3));
	put(s, json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:[{s:i}, {s:s, s:i}], s:o}",
		       "apiVersion", "discovery.k8s.io/v1", "kind", "EndpointSlice", "addressType",
		       "IPv4", "metadata", "name", name, "namespace", ns_of(i), "labels",
		       "kubernetes.io/service-name", service, "ports", "port", 8080, "name", "dns",
		       "port", 53, "endpoints", endpoints));
}

/*
 * One that is too large at times, for its many ports: it shares a VIP, and ports if it has few.
 */
enum { FEW_PORTS = 2, MANY_PORTS = 501, CROWD = 100 };

static void put_wide(
	struct store *s, const char *ns, const char *name, int n_ports, const char *vip)
{
	json_t *ports = json_pack("[{s:i}]", "port", 80);

	for (int i = 1; i < n_ports; i++)
		json_array_append_new(ports,
			json_pack("{s:o, s:i}", "name", json_sprintf("p%d", i), "port", 80 + i));
	put(s, json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s}}, s:{s:s, s:s, s:o}}", "apiVersion",
		       "v1", "kind", "Service", "metadata", "name", name, "namespace", ns,
		       "creationTimestamp", "2026-01-01T00:00:30Z", "annotations", "kago.dev/vip",
		       vip, "spec", "type", "LoadBalancer", "loadBalancerClass", "kago.dev/a",
		       "ports", ports));
}

static void put_big(struct store *s, int n_ports, const char *vip)
{
	put_wide(s, "shop", "big", n_ports, vip);
}

static void put_crowd_of(struct store *s, const char *ns, const char *service, unsigned n)
{
	json_t *endpoints = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(endpoints, endpoint(1 + i));
	put(s, json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:[{s:i}], s:o}", "apiVersion",
		       "discovery.k8s.io/v1", "kind", "EndpointSlice", "addressType", "IPv4",
		       "metadata", "name", service, "namespace", ns, "labels",
		       "kubernetes.io/service-name", service, "ports", "port", 8080, "endpoints",
		       endpoints));
}

static void put_crowd(struct store *s, unsigned n)
{
	put_crowd_of(s, "shop", "big", n);
}

static void alter_big(struct store *s)
{
	switch (roll(8)) {
	case 0:
		store_remove(s, "Service", "shop", "big");
		break;
	case 1:
	case 2:
	case 3:
		put_crowd(s, CROWD + roll(20));
		break;
	case 4:
		put_crowd(s, roll(3));
		break;
	default:
		put_big(s, roll(3) ? MANY_PORTS : FEW_PORTS, roll(2) ? "10.1.1.2" : "10.1.1.9");
	}
}

static enum refusal_end judge(
	void *ud, const struct refusal_of *what, const struct objname *service)
{
	(void)what;
	store_touch_service(ud, service);
	return REFUSAL_TRIED;
}

/* A virtual server, or one of its real servers, of a Service of the fleet. */
static void refuse(struct store *s, struct refusals *known, const struct fleet *f)
{
	const struct virtual_server *vs =
		f->n_servers ? f->servers[roll((unsigned)f->n_servers)] : NULL;
	struct refusal_of what = {0};
	struct objname id;

	if (!vs)
		return;
	what.place = virtual_server_place(vs);
	if (roll(3)) {
		what.addr = vs->reals[0].addr;
		what.port = vs->reals[0].port;
	}
	objname_init(&id, vs->ns, vs->name);
	if (refusals_add(known, &what, &id, EINVAL))
		store_touch_service(s, &id);
	objname_done(&id);
}

/* The kernel refuses something, or takes all that it refused. */
static void alter_refusals(struct store *s, struct refusals *known, const struct fleet *f)
{
	enum scheduler one = roll(2) ? SCHEDULER_RR : SCHEDULER_MH;

	if (roll(10)) {
		refuse(s, known, f);
	} else if (roll(2)) {
		refusals_sift(known, judge, s);
	} else {
		if (refusals_scheduler(known, one))
			refusals_drop_scheduler(known, one);
		else
			refusals_add_scheduler(known, one);
		store_touch(s);
	}
}

static void assert_refused_are_left_out(const struct fleet *f)
{
	for (size_t i = 0; i < f->n_servers; i++) {
		const struct virtual_server *vs = f->servers[i];
		struct refusal_of what = {.place = virtual_server_place(vs)};
		struct objname id;

		objname_init(&id, vs->ns, vs->name);
		assert_int_equal(refusals_find(rules.refusals, &what, &id), 0);
		assert_false(refusals_scheduler(rules.refusals, vs->scheduler));
		for (size_t k = 0; k < vs->n_reals; k++) {
			what.addr = vs->reals[k].addr;
			what.port = vs->reals[k].port;
			assert_int_equal(refusals_find(rules.refusals, &what, &id), 0);
		}
		objname_done(&id);
	}
}

/* What is an endpoint of the API server is one of nobody else. */
static void alter_api_server(struct store *s)
{
	json_t *endpoints = json_array();

	if (roll(2)) {
		json_decref(endpoints);
		store_remove(s, "EndpointSlice", "default", "kubernetes");
		return;
	}
	json_array_append_new(endpoints, endpoint(1 + roll(9)));
	put(s, json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:o}", "apiVersion",
		       "discovery.k8s.io/v1", "kind", "EndpointSlice", "addressType", "IPv4",
		       "metadata", "name", "kubernetes", "namespace", "default", "labels",
		       "kubernetes.io/service-name", "kubernetes", "endpoints", endpoints));
}

static void alter(struct store *s)
{
	unsigned i = roll(N_SERVICES), k = roll(2);
	char name[16];

	switch (roll(10)) {
	case 0:
	case 1:
	case 2:
		put_service(s, i);
		break;
	case 3:
		snprintf(name, sizeof name, "s%u", i);
		store_remove(s, "Service", ns_of(i), name);
		break;
	case 4:
		snprintf(name, sizeof name, "s%u-%u", i, k);
		store_remove(s, "EndpointSlice", ns_of(i), name);
		break;
	default:
		put_slice(s, i, k);
	}
}

static void assert_same_verdict(const struct fleet_service *a, const struct fleet_service *b)
{
	assert_string_equal(a->ns, b->ns);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->reason, b->reason);
	assert_string_equal(a->message, b->message);
	assert_true(ipaddrs_equal(a->vips, a->n_vips, b->vips, b->n_vips));
	assert_int_equal(a->n_virtual_servers, b->n_virtual_servers);
	assert_int_equal(a->n_wanted, b->n_wanted);
	assert_true(attributes_equal(a->route, b->route));
	assert_int_equal(a->route_refused, b->route_refused);
}

static void assert_same(const struct fleet *a, const struct fleet *b)
{
	const struct fleet_diff d = fleet_diff(
		fleet_servers(a), a->n_servers, fleet_servers(b), b->n_servers, NULL, NULL);

	assert_true(fleet_diff_empty(&d));
	assert_int_equal(a->n_services, b->n_services);
	for (size_t i = 0; i < a->n_services; i++)
		assert_same_verdict(a->services[i], b->services[i]);
	for (size_t i = 0; i < a->n_servers; i++)
		assert_string_equal(a->servers[i]->name, b->servers[i]->name);
	assert_int_equal(a->n_wanted, b->n_wanted);
	assert_int_equal(a->n_sources, b->n_sources);
	assert_int_equal(a->is_full, b->is_full);
}

/* Whether one was made from the other. */
static bool shares(const struct fleet *a, const struct fleet *b)
{
	for (size_t i = 0; i < a->n_services; i++) {
		const struct fleet_service *one = a->services[i];

		if (fleet_find(b, one->ns, one->name) == one)
			return true;
	}
	return false;
}

/* Other nodes take tunnels, and have an address that some endpoint may have, or not. */
static void alter_nodes(struct store *s)
{
	const struct ipaddr host = addr_of("172.16.0.2");
	struct tunnel_node some[sizeof nodes / sizeof nodes[0]];

	tunnel_set_done(&tunnel_nodes);
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
		some[i] = (struct tunnel_node){.name = nodes[i],
			.kinds = roll(TUNNEL_ALL + 1),
			.own = &host,
			.n_own = roll(2)};
	tunnel_set_build(&tunnel_nodes, some, sizeof some / sizeof some[0]);
	rules.tunnel_nodes = &tunnel_nodes;
	store_touch_tunnelled(s, &rules);
}

/* Another endpoint may be nobody's. */
static void alter_keep_out(struct store *s)
{
	const uint8_t next[] = {172, 16, 0, (uint8_t)(1 + roll(9))};

	store_touch_endpoints(s, rules.keep_out, rules.n_keep_out);
	keep_out.addr = ipaddr_from_bytes(AF_INET, next);
	rules.keep_out = &keep_out;
	rules.n_keep_out = roll(3) > 0;
	store_touch_endpoints(s, rules.keep_out, rules.n_keep_out);
}

/* Decisions that somebody still goes by, each with what it was when it was made. */
enum { N_KEPT = 4 };
struct kept {
	struct fleet *fleet, *oracle;
};

static void let_go(struct kept *k)
{
	if (k->fleet)
		assert_same(k->fleet, k->oracle);
	fleet_unref(k->fleet);
	fleet_unref(k->oracle);
	*k = (struct kept){0};
}

/* In any order, and some for long. */
static void keep_some(struct kept kept[static N_KEPT], struct fleet *f, struct fleet *oracle)
{
	struct kept *k = &kept[roll(N_KEPT)];

	if (roll(3) > 0)
		return;
	let_go(k);
	if (roll(3) > 0)
		*k = (struct kept){fleet_ref(f), fleet_ref(oracle)};
}

static void the_next_decision_is_the_one_from_nothing(void **state)
{
	struct kept kept[N_KEPT] = {0};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = fleet_next(NULL, s, &rules);
	struct refusals *known = refusals_new();
	unsigned n_same = 0, n_shared = 0, rounds = test_rounds(ROUNDS);

	(void)state;
	rules.refusals = known;
	for (unsigned round = 0; round < rounds; round++) {
		CLEANUP(fleet_unrefp) struct fleet *oracle = NULL;
		struct fleet *next;

		for (unsigned n = 1 + roll(3); n > 0; n--)
			alter(s);
		if (roll(20) == 0)
			alter_refusals(s, known, f);
		if (roll(100) == 0)
			alter_api_server(s);
		if (roll(100) == 0)
			alter_big(s);
		if (roll(500) == 0) {
			rules.per_namespace = roll(3) ? 0 : 10 + roll(30);
			store_touch(s);
		}
		if (roll(50) == 0)
			alter_nodes(s);
		if (roll(50) == 0)
			alter_keep_out(s);
		oracle = fleet_build_after(f, s, &rules);
		next = fleet_next(f, s, &rules);
		n_same += !next;
		if (next) {
			n_shared += shares(f, next);
			fleet_unref(f);
			f = next;
		}
		assert_same(f, oracle);
		assert_refused_are_left_out(f);
		keep_some(kept, f, oracle);
	}
	for (unsigned i = 0; i < N_KEPT; i++)
		let_go(&kept[i]);
	tunnel_set_done(&tunnel_nodes);
	rules.n_keep_out = 0;
	rules.refusals = refusals_free(known);
	assert_in_range(n_same, 1, rounds / 2);
	assert_in_range(n_shared, rounds / 4, rounds);
}

static void what_did_not_change_is_shared(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL, *next = NULL;

	(void)state;
	rules = (struct fleet_rules){.fleet = "a"};
	seed = 20261129;
	for (unsigned i = 0; i < 6; i += 2)
		put_service(s, i);
	for (unsigned tries = 0; tries < 1000 && (!f || f->n_servers < 4); tries++) {
		put_service(s, roll(6));
		put_slice(s, roll(3) * 2, 0);
		fleet_unref(f);
		f = fleet_build(s, &rules);
	}
	fleet_unref(f);
	f = fleet_next(NULL, s, &rules);
	assert_true(f->n_servers >= 4);
	assert_null(fleet_next(f, s, &rules));
	/* What others are concerned by is decided anew as a whole. */
	for (unsigned tries = 0; tries < 1000 && (!next || !shares(f, next)); tries++) {
		if (next) {
			fleet_unref(f);
			f = steal(next);
		}
		put_slice(s, roll(3) * 2, 0);
		next = fleet_next(f, s, &rules);
	}
	assert_non_null(next);
	assert_true(shares(f, next));
}

static struct fleet *expect_sharing(struct fleet *f, struct store *s, const char *name)
{
	struct fleet *next = fleet_next(f, s, &rules);
	const struct fleet_service *one;

	assert_non_null(next);
	one = fleet_find(f, "shop", name);
	assert_non_null(one);
	assert_ptr_equal(one, fleet_find(next, "shop", name));
	fleet_unref(f);
	return next;
}

/* However large it is, it costs others nothing. */
static void a_service_that_is_too_large_makes_no_decision_a_full_one(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	struct fleet *f;

	(void)state;
	rules = (struct fleet_rules){.fleet = "a", .per_namespace = 1000};
	seed = 20261129;
	put_service(s, 0);
	put_service(s, 2);
	put_crowd(s, CROWD);
	f = fleet_next(NULL, s, &rules);
	put_big(s, MANY_PORTS, "10.1.1.9");
	f = expect_sharing(f, s, "s0");
	assert_int_equal(fleet_find(f, "shop", "big")->reason, REASON_TOO_LARGE);
	assert_int_equal(f->n_wanted, 0);
	put_slice(s, 2, 0);
	f = expect_sharing(f, s, "s0");
	put_crowd(s, CROWD + 1);
	f = expect_sharing(f, s, "s0");
	assert_string_equal(fleet_find(f, "shop", "big")->message,
		"50601 real servers over all VIPs and ports; a Service may have 50000");
	put_big(s, FEW_PORTS, "10.1.1.9");
	f = expect_sharing(f, s, "s0");
	assert_int_equal(fleet_find(f, "shop", "big")->n_wanted, 2 * (CROWD + 1));
	fleet_unref(f);
}

/* 100 real servers for each port. */
static void put_whole(struct store *s, const char *ns, const char *name, int n_ports, unsigned host)
{
	CLEANUP_FREE char *vip = xasprintf("10.2.0.%u", host);

	put_wide(s, ns, name, n_ports, vip);
	put_crowd_of(s, ns, name, CROWD);
}

/* Others, who are in, have far more than half of what the fleet may have by the end. */
static void who_is_over_a_quota_makes_no_decision_a_full_one(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *oracle = NULL;
	char name[16];
	struct fleet *f;

	(void)state;
	rules = (struct fleet_rules){.fleet = "a", .per_namespace = 45000};
	seed = 20261129;
	put_service(s, 0);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "hog%u", i);
		put_whole(s, "hog", name, 500, 10 + i);
	}
	f = fleet_next(NULL, s, &rules);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "n%u", i);
		put_whole(s, name, "web", 450, 20 + i);
		f = expect_sharing(f, s, "s0");
	}
	put_crowd_of(s, "n0", "web", CROWD - 1);
	oracle = fleet_build_after(f, s, &rules);
	f = expect_sharing(f, s, "s0");
	assert_same(f, oracle);
	assert_int_equal(f->n_wanted, 5 * 45000 - 450);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "hog%u", i);
		assert_int_equal(fleet_find(f, "hog", name)->reason, REASON_QUOTA_EXCEEDED);
	}
	assert_false(f->is_full);
	fleet_unref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_decision_is_the_one_from_nothing),
		cmocka_unit_test(what_did_not_change_is_shared),
		cmocka_unit_test(a_service_that_is_too_large_makes_no_decision_a_full_one),
		cmocka_unit_test(who_is_over_a_quota_makes_no_decision_a_full_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
