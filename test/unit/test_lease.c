/* SPDX-License-Identifier: Apache-2.0 */
#include "lead/lease.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "scarcity.h"

static json_t *json_of(const char *text)
{
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(value);
	return value;
}

static void test_a_lease_is_read_back_as_it_was_built(void **state)
{
	const struct lease l = {.name = "kago-edge.lb-1",
		.ns = "kago",
		.fleet = "edge",
		.resource_version = "77",
		.announces = "10.0.0.1",
		.announced_on = "node2 eth0",
		.tunnels = "ipip",
		.node = "n.example",
		.tunnel_nodes = "n.example o",
		.pod_ips = "172.16.1.2,fd00::2",
		.node_ips = "10.9.0.1",
		.tables = "AAAA",
		.holder = "lb-1",
		.duration = 40000000,
		.transitions = 3,
		.acquired = 1769847300000001,
		.renewed = 1769847310999999};
	json_t *object = lease_build(&l);
	struct lease back;
	struct err e = {0};

	(void)state;
	assert_int_equal(lease_decode(&back, object, &e), 0);
	assert_string_equal(back.name, l.name);
	assert_string_equal(back.ns, l.ns);
	assert_string_equal(back.fleet, l.fleet);
	assert_string_equal(back.resource_version, l.resource_version);
	assert_string_equal(back.announces, l.announces);
	assert_string_equal(back.announced_on, l.announced_on);
	assert_string_equal(back.tunnels, l.tunnels);
	assert_string_equal(back.node, l.node);
	assert_string_equal(back.tunnel_nodes, l.tunnel_nodes);
	assert_string_equal(back.pod_ips, l.pod_ips);
	assert_string_equal(back.node_ips, l.node_ips);
	assert_string_equal(back.tables, l.tables);
	assert_string_equal(back.holder, l.holder);
	assert_int_equal(back.duration, l.duration);
	assert_int_equal(back.transitions, l.transitions);
	assert_int_equal(back.acquired, l.acquired);
	assert_int_equal(back.renewed, l.renewed);
	json_decref(object);
}

static void test_a_new_one_that_is_nobodys_has_no_version_and_no_holder(void **state)
{
	const struct lease l = {.name = "kago-edge",
		.ns = "kago",
		.fleet = "edge",
		.duration = 10000000,
		.acquired = 1769847300000000,
		.renewed = 1769847300500000};
	json_t *built = lease_build(&l);
	json_t *expected =
		json_of("{\"apiVersion\": \"coordination.k8s.io/v1\", \"kind\": \"Lease\","
			" \"metadata\": {\"name\": \"kago-edge\", \"namespace\": \"kago\","
			"  \"labels\": {\"kago.dev/fleet\": \"edge\"}},"
			" \"spec\": {\"leaseDurationSeconds\": 10, \"leaseTransitions\": 0,"
			"  \"acquireTime\": \"2026-01-31T08:15:00.000000Z\","
			"  \"renewTime\": \"2026-01-31T08:15:00.500000Z\"}}");

	(void)state;
	assert_true(json_equal(built, expected));
	json_decref(expected);
	json_decref(built);
}

static void test_what_others_left_out_is_empty(void **state)
{
	json_t *object =
		json_of("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\","
			" \"resourceVersion\": \"1\"}, \"spec\": {\"acquireTime\": \"soon\","
			" \"leaseDurationSeconds\": 3601}}");
	struct lease l;
	struct err e = {0};

	(void)state;
	assert_int_equal(lease_decode(&l, object, &e), 0);
	assert_string_equal(l.holder, "");
	assert_string_equal(l.announces, "");
	assert_string_equal(l.tunnels, "");
	assert_string_equal(l.node, "");
	assert_string_equal(l.tunnel_nodes, "");
	assert_string_equal(l.fleet, "");
	assert_string_equal(l.uid, "");
	assert_int_equal(l.duration, 0);
	assert_int_equal(l.acquired, 0);
	json_decref(object);
}

static void assert_refused(const char *text, const char *message)
{
	json_t *object = json_of(text);
	struct lease l;
	struct err e = {0};

	assert_int_equal(lease_decode(&l, object, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	json_decref(object);
}

static void test_what_is_no_lease_is_refused(void **state)
{
	(void)state;
	assert_refused("{}", "metadata.name: missing");
	assert_refused("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}}",
		"metadata.resourceVersion: missing");
	assert_refused("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\","
		       " \"resourceVersion\": \"1\"}, \"spec\": {\"holderIdentity\": 7}}",
		"spec.holderIdentity: must be a string, not a whole number");
}

static void test_versions_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_true(lease_version_newer("10", "9"));
	assert_true(lease_version_newer("12", "11"));
	assert_false(lease_version_newer("9", "10"));
	assert_false(lease_version_newer("9", "9"));
	assert_true(lease_version_newer("9", ""));
	assert_true(lease_version_newer("99999999999999999999999", "99999999999999999999998"));
}

static void test_a_version_that_is_no_number_is_newer_than_another(void **state)
{
	(void)state;
	assert_true(lease_version_newer("a", "b"));
	assert_true(lease_version_newer("b", "a"));
	assert_false(lease_version_newer("a", "a"));
	assert_true(lease_version_newer("09", "10"));
}

static json_t *build(const void *arg)
{
	return lease_build(arg);
}

static void test_a_lease_is_whole_or_there_is_none(void **state)
{
	const struct lease l = {.name = "kago-edge.lb-1",
		.ns = "kago",
		.fleet = "edge",
		.resource_version = "77",
		.announces = "10.0.0.1",
		.tunnels = "ipip",
		.node = "n1",
		.pod_ips = "172.16.1.2,fd00::2",
		.node_ips = "10.9.0.1",
		.holder = "lb-1",
		.duration = 40000000};

	(void)state;
	assert_whole_or_none(build, &l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lease_is_read_back_as_it_was_built),
		cmocka_unit_test(test_a_new_one_that_is_nobodys_has_no_version_and_no_holder),
		cmocka_unit_test(test_a_lease_is_whole_or_there_is_none),
		cmocka_unit_test(test_what_others_left_out_is_empty),
		cmocka_unit_test(test_what_is_no_lease_is_refused),
		cmocka_unit_test(test_versions_are_compared_as_numbers),
		cmocka_unit_test(test_a_version_that_is_no_number_is_newer_than_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
