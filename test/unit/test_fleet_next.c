/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "decide/fleet_diff.h"

/*
 * After any sequence of changes the decision made from the one before is what it would be from
 * nothing: fleet_build is the oracle.
 */

enum { N_SERVICES = 12, ROUNDS = 50000 };

static const struct fleet_rules rules = {.fleet = "a"};
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

/*
 * Services that share VIPs, so that some are in conflict, of different age, and one that is wrong;
 * now and then one is another fleet's.
 */
static void put_service(struct store *s, unsigned i)
{
	char name[16], vip[32], created[32];

	snprintf(name, sizeof name, "s%u", i);
	snprintf(vip, sizeof vip, i == 7 ? "no address" : "10.1.1.%u",
		i / 2 + 1 + (i < 6 ? 0 : roll(5) / 4));
	snprintf(created, sizeof created, "2026-01-01T00:00:%02uZ", roll(60));
	put(s, json_pack(
		       "{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:{s:s, s:s, s:[s], s:[{s:i}, "
		       "{s:s, s:i}]}}",
		       "apiVersion", "v1", "kind", "Service", "metadata", "name", name, "namespace",
		       "shop", "creationTimestamp", created, "annotations", "kago.dev/vip", vip,
		       "kago.dev/scheduler", roll(2) ? "rr" : "mh", "spec", "type", "LoadBalancer",
		       "loadBalancerClass", roll(10) ? "kago.dev/a" : "kago.dev/b",
		       "loadBalancerSourceRanges", roll(2) ? "10.0.0.0/8" : "0.0.0.0/0", "ports",
		       "port", (int)(80 + roll(3)), "name", "dns", "port", (int)(53 + roll(3))));
}

static json_t *endpoint(unsigned host)
{
	char addr[32];

	snprintf(addr, sizeof addr, "172.16.0.%u", host);
	return json_pack("{s:[s], s:{s:b, s:b, s:b}}", "addresses", addr, "conditions", "ready",
		roll(3) > 0, "serving", 1, "terminating", roll(4) == 0);
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
		       "IPv4", "metadata", "name", name, "namespace", "shop", "labels",
		       "kubernetes.io/service-name", service, "ports", "port", 8080, "name", "dns",
		       "port", 53, "endpoints", endpoints));
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
		store_remove(s, "Service", "shop", name);
		break;
	case 4:
		snprintf(name, sizeof name, "s%u-%u", i, k);
		store_remove(s, "EndpointSlice", "shop", name);
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

static void the_next_decision_is_the_one_from_nothing(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = fleet_next(NULL, s, &rules);
	unsigned n_same = 0, n_shared = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		CLEANUP(fleet_unrefp) struct fleet *oracle = NULL;
		struct fleet *next;

		for (unsigned n = 1 + roll(3); n > 0; n--)
			alter(s);
		next = fleet_next(f, s, &rules);
		n_same += !next;
		if (next) {
			n_shared += shares(f, next);
			fleet_unref(f);
			f = next;
		}
		oracle = fleet_build(s, &rules);
		assert_same(f, oracle);
	}
	assert_in_range(n_same, 1, ROUNDS / 2);
	assert_in_range(n_shared, ROUNDS / 4, ROUNDS);
}

static void what_did_not_change_is_shared(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL, *next = NULL;

	(void)state;
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
	for (unsigned tries = 0; tries < 1000 && !next; tries++) {
		put_slice(s, 0, 0);
		next = fleet_next(f, s, &rules);
	}
	assert_non_null(next);
	assert_true(shares(f, next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_decision_is_the_one_from_nothing),
		cmocka_unit_test(what_did_not_change_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
