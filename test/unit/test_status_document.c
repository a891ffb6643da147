/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"
#include "scarcity.h"

static void assert_json(const json_t *json, const char *text)
{
	CLEANUP_FREE char *compact = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(compact, text);
}

static const json_t *ingress_of(const json_t *document)
{
	const json_t *status = json_object_get(document, "status");

	return json_object_get(json_object_get(status, "loadBalancer"), "ingress");
}

static void test_a_service_that_is_served_is_told_so(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	document = status_document(&x.facts, &modern, new_year);
	assert_json(document,
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","
		"\"namespace\":\"shop\",\"uid\":\"f00d\",\"resourceVersion\":\"41\"},\"status\":{"
		"\"loadBalancer\":"
		"{\"ingress\":[{\"ip\":\"10.1.1.1\",\"ipMode\":\"Proxy\",\"ports\":["
		"{\"port\":80,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}]}]},"
		"\"conditions\":["
		"{\"type\":\"kago.dev/Accepted\",\"status\":\"True\",\"reason\":\"Accepted\","
		"\"message\":\"its annotations and fields are fine\","
		"\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"},"
		"{\"type\":\"kago.dev/AddressAssigned\",\"status\":\"True\",\"reason\":"
		"\"AddressAssigned\",\"message\":\"10.1.1.1 from pool web\","
		"\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"},"
		"{\"type\":\"kago.dev/Announced\",\"status\":\"True\",\"reason\":\"Announced\","
		"\"message\":\"announced by kago-a, kago-b\","
		"\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}");
	example_done(&x);
}

static void test_nothing_is_written_twice(void **state)
{
	struct example x;
	json_auto_t *first = NULL;

	(void)state;
	example_init(&x);
	first = write_status(&x, new_year);
	assert_non_null(first);
	assert_null(write_status(&x, new_year + 1000000000));
	decide(&x, FLEET_SERVED, REASON_SERVED, "2 virtual servers with 7 real servers");
	assert_null(write_status(&x, new_year + 1000000000));
	example_done(&x);
}

static void test_a_transition_time_changes_with_the_status_alone(void **state)
{
	struct example x;
	json_auto_t *first = NULL, *second = NULL, *third = NULL;

	(void)state;
	example_init(&x);
	first = write_status(&x, new_year);
	assert_non_null(first);
	x.facts.n_announcers = 1;
	second = write_status(&x, new_year + 60000000);
	assert_string_equal(said(second, CONDITION_ANNOUNCED, "message"), "announced by kago-a");
	assert_string_equal(
		said(second, CONDITION_ANNOUNCED, "lastTransitionTime"), "2026-01-01T00:00:00Z");
	x.facts.n_announcers = 0;
	third = write_status(&x, new_year + 60000000);
	assert_string_equal(
		said(third, CONDITION_ANNOUNCED, "lastTransitionTime"), "2026-01-01T00:01:00Z");
	assert_string_equal(
		said(third, CONDITION_ACCEPTED, "lastTransitionTime"), "2026-01-01T00:00:00Z");
	example_done(&x);
}

static void test_what_somebody_else_changed_is_put_right(void **state)
{
	struct example x;
	json_auto_t *first = NULL, *again = NULL;

	(void)state;
	example_init(&x);
	first = write_status(&x, new_year);
	assert_non_null(first);
	x.service.held.ingress_digest++;
	again = write_status(&x, new_year);
	assert_non_null(again);
	example_done(&x);
}

static void test_an_old_server_gets_no_ip_mode(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	x.service.n_ports = 1;
	document = status_document(&x.facts, &(struct status_features){0}, new_year);
	assert_json(ingress_of(document),
		"[{\"ip\":\"10.1.1.1\",\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]}]");
	example_done(&x);
}

static void test_an_observed_generation_is_told_where_there_is_one(void **state)
{
	struct example x;
	json_auto_t *document = NULL;
	const json_t *list;

	(void)state;
	example_init(&x);
	x.service.generation = 7;
	document = write_status(&x, new_year);
	list = json_object_get(json_object_get(document, "status"), "conditions");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "observedGeneration")),
		7);
	assert_null(write_status(&x, new_year));
	example_done(&x);
}

static void test_a_wrong_service_keeps_its_address_without_ports(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	spoil(&x, REASON_INVALID_ANNOTATION,
		"kago.dev/scheduler: 'random' is none of rr, wrr, lc, wlc, sh, mh");
	document = status_document(&x.facts, &modern, new_year);
	assert_json(ingress_of(document), "[{\"ip\":\"10.1.1.1\",\"ipMode\":\"Proxy\"}]");
	assert_says(&x, CONDITION_ACCEPTED, "False", "InvalidAnnotation", x.service.message);
	assert_says(&x, CONDITION_ADDRESS_ASSIGNED, "False", "NotAccepted",
		"keeps 10.1.1.1: it is not accepted");
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAccepted",
		"announced by nobody: it is not accepted");
	example_done(&x);
}

/* The API server refuses one that has any other type. */
static void test_only_load_balancers_get_an_ingress(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	spoil(&x, REASON_NOT_LOAD_BALANCER,
		"spec.type: is 'NodePort'; kago serves Services of type LoadBalancer");
	document = status_document(&x.facts, &modern, new_year);
	assert_json(ingress_of(document), "[]");
	example_done(&x);
}

static void test_fleets_that_disagree_write_the_same(void **state)
{
	struct example x;
	json_auto_t *before = NULL, *one = NULL;

	(void)state;
	example_init(&x);
	before = write_status(&x, new_year);
	assert_non_null(before);
	spoil(&x, REASON_FLEET_MISMATCH,
		"kago.dev/fleet: 'a' is not the fleet of spec.loadBalancerClass");
	one = write_status(&x, new_year);
	assert_json(ingress_of(one), "[{\"ip\":\"10.1.1.1\",\"ipMode\":\"Proxy\"}]");
	/* The other fleet knows no such address. */
	x.assignment = (struct assignment){.service = &x.service};
	x.facts.decision = NULL;
	x.facts.n_announcers = 0;
	assert_null(write_status(&x, new_year));
	example_done(&x);
}

static void test_a_port_that_another_service_has_is_in_error(void **state)
{
	struct virtual_server taken = {
		.ns = "shop", .name = "older", .port = 80, .protocol = IPPROTO_TCP};
	struct virtual_server *servers[] = {&taken};
	struct fleet fleet = {.servers = servers, .n_servers = 1};
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	taken.vip = x.vips[0];
	x.facts.fleet = &fleet;
	decide(&x, FLEET_CONFLICT, REASON_CONFLICT,
		"already taken: 10.1.1.1:80/TCP by shop/older; 1 virtual server with 1 real "
		"server");
	document = status_document(&x.facts, &modern, new_year);
	assert_json(json_object_get(json_array_get(ingress_of(document), 0), "ports"),
		"[{\"port\":80,\"protocol\":\"TCP\",\"error\":\"kago.dev/Conflict\"},"
		"{\"port\":53,\"protocol\":\"UDP\"}]");
	assert_says(&x, CONDITION_ACCEPTED, "False", "Conflict",
		"already taken: 10.1.1.1:80/TCP by shop/older");
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced", "announced by kago-a, kago-b");
	x.decision.n_virtual_servers = 0;
	x.facts.n_announcers = 0;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "Conflict",
		"announced by nobody: already taken: 10.1.1.1:80/TCP by shop/older");
	example_done(&x);
}

static void test_ports_of_a_service_that_is_refused_are_in_error(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	decide(&x, FLEET_REJECTED, REASON_TOO_LARGE, "51000 real servers over all VIPs and ports");
	x.service.n_ports = 1;
	document = status_document(&x.facts, &modern, new_year);
	assert_json(json_object_get(json_array_get(ingress_of(document), 0), "ports"),
		"[{\"port\":80,\"protocol\":\"TCP\",\"error\":\"kago.dev/TooLarge\"}]");
	assert_says(&x, CONDITION_ACCEPTED, "False", "TooLarge",
		"51000 real servers over all VIPs and ports");
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAccepted",
		"announced by nobody: it is not accepted");
	example_done(&x);
}

static void test_a_service_without_an_address_is_told_why(void **state)
{
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	take_address(&x, REASON_POOL_EXHAUSTED, "no free address in pool web");
	decide(&x, FLEET_PENDING, REASON_NO_ADDRESS, "it has no address");
	document = status_document(&x.facts, &modern, new_year);
	assert_json(ingress_of(document), "[]");
	assert_says(
		&x, CONDITION_ACCEPTED, "True", "Accepted", "its annotations and fields are fine");
	assert_says(&x, CONDITION_ADDRESS_ASSIGNED, "False", "PoolExhausted",
		"no free address in pool web");
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NoAddress",
		"announced by nobody: it has no address");
	example_done(&x);
}

static void test_an_address_that_is_kept_against_the_wish_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	deny(&x, REASON_ADDRESS_IN_USE, "10.1.1.2 is that of shop/older");
	assert_says(&x, CONDITION_ADDRESS_ASSIGNED, "False", "AddressInUse",
		"keeps 10.1.1.1: 10.1.1.2 is that of shop/older");
	example_done(&x);
}

static void test_several_addresses_and_addresses_without_pool_are_named(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.assignment.n_vips = 2;
	assert_says(&x, CONDITION_ADDRESS_ASSIGNED, "True", "AddressAssigned",
		"10.1.1.1 from pool web, fd00::1");
	x.assignment.pool = NULL;
	assert_says(&x, CONDITION_ADDRESS_ASSIGNED, "True", "AddressAssigned", "10.1.1.1, fd00::1");
	example_done(&x);
}

static void test_layer_2_is_told_of(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.facts.on_layer_2 = true;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced",
		"announced by kago-a, kago-b on layer 2");
	x.facts.n_announcers = 0;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: all health checks fail, or no load balancer's node is in its "
		"network");
	example_done(&x);
}

static void test_a_program_announces_as_bgp_does(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.facts.by_program = true;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced", "announced by kago-a, kago-b");
	x.facts.n_announcers = 0;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: all health checks fail, or no load balancer's exec.program "
		"has told the network");
	example_done(&x);
}

static void test_why_nobody_announces_is_told(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.facts.n_announcers = 0;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: all health checks fail, or no BGP session is up");
	x.facts.decision = NULL;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: the load balancers do not know of its address yet");
	x.facts.decision = &x.decision;
	decide(&x, FLEET_NO_ENDPOINTS, REASON_NO_ENDPOINTS,
		"no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are ready); 0 virtual servers "
		"with 0 real servers");
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NoEndpoints",
		"announced by nobody: no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are "
		"ready)");
	x.facts.n_announcers = 1;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced",
		"announced by kago-a; no endpoints: 10.1.1.1:80/TCP (0 of 2 endpoints are "
		"ready)");
	x.facts.n_announcers = 0;
	decide(&x, FLEET_NO_ENDPOINTS, REASON_REFUSED_BY_KERNEL,
		"refused by the kernel: 10.1.1.1:80/SCTP (Protocol not supported); 0 virtual "
		"servers with 0 real servers");
	assert_says(&x, CONDITION_ANNOUNCED, "False", "RefusedByKernel",
		"announced by nobody: refused by the kernel: 10.1.1.1:80/SCTP (Protocol not "
		"supported)");
	example_done(&x);
}

/* PreferDualStack: the second address is a wish, and one that comes later harms nothing. */
static void test_of_a_wish_for_two_addresses_one_is_enough(void **state)
{
	struct example x;
	struct ipaddr old;

	(void)state;
	example_init(&x);
	old = x.vips[0];
	x.facts.served = x.vips;
	x.facts.n_served = 1;
	x.assignment.n_vips = 2;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: the load balancers do not know of its address yet");
	x.service.wish.n_needed = 1;
	x.service.wish.n_wanted = 2;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced",
		"announced by kago-a, kago-b, but not fd00::1");
	x.facts.served = &old;
	x.vips[0] = x.vips[1];
	x.assignment.n_vips = 1;
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: the load balancers do not know of its address yet");
	example_done(&x);
}

static void test_who_announces_the_old_address_does_not_announce_the_new_one(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.vips[0] = x.vips[1];
	assert_says(&x, CONDITION_ANNOUNCED, "False", "NotAnnounced",
		"announced by nobody: the load balancers do not know of its address yet");
	example_done(&x);
}

static void test_of_many_announcers_eight_are_named(void **state)
{
	static const char *const pods[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	struct example x;

	(void)state;
	example_init(&x);
	x.facts.announcers = pods;
	x.facts.n_announcers = 8;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced",
		"announced by a, b, c, d, e, f, g, h");
	x.facts.n_announcers = 10;
	assert_says(&x, CONDITION_ANNOUNCED, "True", "Announced",
		"announced by a, b, c, d, e, f, g, h and 2 more");
	example_done(&x);
}

static void test_a_message_fits_into_a_condition(void **state)
{
	CLEANUP_FREE char *huge = xasprintf("%050000d", 0);
	struct example x;
	json_auto_t *document = NULL;

	(void)state;
	example_init(&x);
	take_address(&x, REASON_POOL_EXHAUSTED, huge);
	document = status_document(&x.facts, &modern, new_year);
	assert_int_equal(strlen(said(document, CONDITION_ADDRESS_ASSIGNED, "message")), 32768);
	example_done(&x);
}

/* The API server then takes away what we applied before, and our name from the owners. */
static void test_clearing_applies_nothing(void **state)
{
	json_auto_t *document = status_document_clear("shop", "web", "");

	(void)state;
	assert_json(document, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{"
			      "\"name\":\"web\",\"namespace\":\"shop\"}}");
}

static json_t *build(const void *arg)
{
	return status_document(arg, &modern, new_year);
}

static void test_a_status_is_whole_or_there_is_none(void **state)
{
	struct example x;

	(void)state;
	example_init(&x);
	x.service.generation = 7;
	decide(&x, FLEET_REJECTED, REASON_TOO_LARGE, "too many");
	assert_whole_or_none(build, &x.facts);
	example_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_that_is_served_is_told_so),
		cmocka_unit_test(test_nothing_is_written_twice),
		cmocka_unit_test(test_a_transition_time_changes_with_the_status_alone),
		cmocka_unit_test(test_what_somebody_else_changed_is_put_right),
		cmocka_unit_test(test_an_old_server_gets_no_ip_mode),
		cmocka_unit_test(test_an_observed_generation_is_told_where_there_is_one),
		cmocka_unit_test(test_a_wrong_service_keeps_its_address_without_ports),
		cmocka_unit_test(test_only_load_balancers_get_an_ingress),
		cmocka_unit_test(test_fleets_that_disagree_write_the_same),
		cmocka_unit_test(test_a_port_that_another_service_has_is_in_error),
		cmocka_unit_test(test_ports_of_a_service_that_is_refused_are_in_error),
		cmocka_unit_test(test_a_service_without_an_address_is_told_why),
		cmocka_unit_test(test_an_address_that_is_kept_against_the_wish_is_told),
		cmocka_unit_test(test_several_addresses_and_addresses_without_pool_are_named),
		cmocka_unit_test(test_layer_2_is_told_of),
		cmocka_unit_test(test_a_program_announces_as_bgp_does),
		cmocka_unit_test(test_why_nobody_announces_is_told),
		cmocka_unit_test(test_of_a_wish_for_two_addresses_one_is_enough),
		cmocka_unit_test(test_who_announces_the_old_address_does_not_announce_the_new_one),
		cmocka_unit_test(test_of_many_announcers_eight_are_named),
		cmocka_unit_test(test_a_message_fits_into_a_condition),
		cmocka_unit_test(test_a_status_is_whole_or_there_is_none),
		cmocka_unit_test(test_clearing_applies_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
