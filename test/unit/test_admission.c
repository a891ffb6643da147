/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "objects.h"

/* A slice of 1000 ready endpoints with so many ports. */
static void put_crowd(struct store *s, const char *service, unsigned n_ports)
{
	CLEANUP_FREE char *head =
		xasprintf(SLICE("crowd-of-%s", "%s", "addressType: IPv4\nendpoints: []\nports: []"),
			service, service);
	json_auto_t *object = object_of(head);
	enum store_change change;
	struct err e = {0};

	for (unsigned i = 0; i < 1000; i++)
		json_array_append_new(json_object_get(object, "endpoints"),
			json_pack("{s:[o]}", "addresses",
				json_sprintf("10.9.%u.%u", i / 250, i % 250 + 1)));
	for (unsigned i = 1; i <= n_ports; i++)
		json_array_append_new(json_object_get(object, "ports"),
			json_pack("{s:o, s:i}", "name", json_sprintf("p%u", i), "port", i));
	assert_int_equal(store_put(&change, s, object, &e), 0);
}

/* With `n_ports` ports and 1000 endpoints, the `day`th of January old. */
static void put_service(
	struct store *s, const char *name, unsigned n_ports, unsigned day, json_t *status)
{
	CLEANUP_FREE char *yaml =
		xasprintf(LB("%s", "10.1.1.%u", AT("2026-01-%02uT00:00:00Z"), ""), name, day, day);
	json_auto_t *object = object_of(yaml);
	json_t *ports = json_object_get(json_object_get(object, "spec"), "ports");
	enum store_change change;
	struct err e = {0};

	for (unsigned i = 1; i <= n_ports; i++)
		json_array_append_new(
			ports, json_pack("{s:o, s:i}", "name", json_sprintf("p%u", i), "port", i));
	json_object_set_new(object, "status", status);
	assert_int_equal(store_put(&change, s, object, &e), 0);
}

static void put_large(struct store *s, const char *name, unsigned n_ports, unsigned day)
{
	put_service(s, name, n_ports, day, json_object());
	put_crowd(s, name, n_ports);
}

static void put_accepted(struct store *s, const char *name, unsigned n_ports, unsigned day)
{
	put_service(s, name, n_ports, day,
		json_pack("{s:[{s:s, s:s}]}", "conditions", "type", "kago.dev/Accepted", "status",
			"True"));
}

static void test_a_service_that_is_too_large_is_rejected_alone(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	put_large(s, "good", 1, 2);
	put_large(s, "large", 51, 1);
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(f->n_servers, 1);
	assert_int_equal(f->services[0]->outcome, FLEET_SERVED);
	assert_int_equal(f->services[1]->outcome, FLEET_REJECTED);
	assert_int_equal(f->services[1]->reason, REASON_TOO_LARGE);
	assert_string_equal(f->services[1]->message,
		"51000 real servers over all VIPs and ports; a Service may have 50000");
}

static void test_a_full_fleet_keeps_its_older_services(void **state)
{
	static const char *const names[] = {"f", "e", "d", "c", "b", "a"};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		put_large(s, names[i], 50, i + 1);
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(f->n_servers, 250);
	assert_string_equal(f->services[0]->name, "a");
	assert_int_equal(f->services[0]->reason, REASON_FLEET_FULL);
	assert_string_equal(f->services[0]->message,
		"no room for 50000 real servers: others have 250000, the fleet may have "
		"250000");
	for (size_t i = 1; i < 6; i++)
		assert_int_equal(f->services[i]->outcome, FLEET_SERVED);
}

/* With 1024 source ranges, as many as it may have. */
static void put_restricted(struct store *s, unsigned number)
{
	CLEANUP_FREE char *name = xasprintf("s%03u", number);
	CLEANUP_FREE char *yaml =
		xasprintf(LB("%s", "10.1.1.1", AT("2026-01-01T00:00:00Z"), ""), name);
	json_auto_t *object = object_of(yaml);
	json_t *spec = json_object_get(object, "spec"), *ranges = json_array();
	enum store_change change;
	struct err e = {0};

	for (unsigned i = 0; i < LIMIT_SOURCES; i++)
		json_array_append_new(ranges, json_sprintf("10.%u.%u.0/24", i / 256, i % 256));
	json_array_append_new(json_object_get(spec, "ports"), json_pack("{s:i}", "port", 80));
	json_object_set_new(spec, "loadBalancerSourceRanges", ranges);
	assert_int_equal(store_put(&change, s, object, &e), 0);
}

static void test_ranges_of_clients_fill_a_fleet_too(void **state)
{
	enum { FIT = LIMIT_FLEET_SOURCES / LIMIT_SOURCES };
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	for (unsigned i = 0; i <= FIT; i++)
		put_restricted(s, i);
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_not_equal(f->services[FIT - 1]->reason, REASON_FLEET_FULL);
	assert_int_equal(f->services[FIT]->reason, REASON_FLEET_FULL);
	assert_string_equal(f->services[FIT]->message,
		"no room for 1024 source ranges: others have 199680, the fleet may have "
		"200000");
}

static const struct fleet_service *one(const struct fleet *f, const char *name)
{
	return fleet_find(f, "shop", name);
}

static void test_who_grows_takes_nothing_from_others(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	const struct fleet_rules rules = {.fleet = "a"};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL, *next = NULL;

	(void)state;
	put_large(s, "old", 1, 1);
	for (unsigned i = 0; i < 5; i++)
		put_large(s, names[i], i ? 50 : 49, i + 2);
	f = fleet_next(NULL, s, &rules);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(one(f, names[i])->outcome, FLEET_SERVED);
	put_large(s, "old", 2, 1);
	next = fleet_next(f, s, &rules);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(one(next, names[i])->outcome, FLEET_SERVED);
	assert_int_equal(one(next, "old")->reason, REASON_FLEET_FULL);
}

/* After a start the status is all that is known of who was served. */
static void test_who_was_accepted_comes_before_who_was_not(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL, *after = NULL;

	(void)state;
	put_large(s, "old", 50, 1);
	for (unsigned i = 0; i < 5; i++)
		put_large(s, names[i], 50, i + 2);
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(one(f, "e")->reason, REASON_FLEET_FULL);
	put_accepted(s, "e", 50, 6);
	after = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(one(after, "e")->outcome, FLEET_SERVED);
	assert_int_equal(one(after, "d")->reason, REASON_FLEET_FULL);
}

static void test_a_namespace_has_no_more_than_it_may(void **state)
{
	const struct fleet_rules rules = {.fleet = "a", .per_namespace = 2500};
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	put_large(s, "b", 1, 2);
	put_large(s, "c", 1, 3);
	put_large(s, "a", 1, 4);
	f = fleet_build(s, &rules);
	assert_int_equal(one(f, "a")->reason, REASON_QUOTA_EXCEEDED);
	assert_string_equal(one(f, "a")->message,
		"no room for 1000 real servers: others of the namespace shop have 2000, it may "
		"have 2500");
	assert_int_equal(one(f, "b")->outcome, FLEET_SERVED);
	assert_int_equal(one(f, "c")->outcome, FLEET_SERVED);
	assert_false(f->is_full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_that_is_too_large_is_rejected_alone),
		cmocka_unit_test(test_a_full_fleet_keeps_its_older_services),
		cmocka_unit_test(test_who_grows_takes_nothing_from_others),
		cmocka_unit_test(test_who_was_accepted_comes_before_who_was_not),
		cmocka_unit_test(test_a_namespace_has_no_more_than_it_may),
		cmocka_unit_test(test_ranges_of_clients_fill_a_fleet_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
