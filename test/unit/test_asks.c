/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include "objects/objects.h"
#include "report/asks.h"

static const struct fleet_rules rules = {.fleet = "a", .default_class = true};

/* What the Service shop/web asks for. */
static json_t *asks_of(const char *yaml)
{
	CLEANUP(store_freep) struct store *store = store_new();
	const struct service *service;

	put_all(store, yaml);
	service = store_find(store, "shop", "web");
	assert_non_null(service);
	return asks_json(service, &rules);
}

#define WEB(annotations, spec)                                                                     \
	SERVICE("web", ", annotations: {" annotations "}}\nspec: {type: LoadBalancer, " spec "}")
#define TCP "ports: [{port: 80}]"

static void assert_fleet(const char *yaml, const char *fleet, const char *by)
{
	json_auto_t *asks = asks_of(yaml);

	assert_answer(asks, "fleet", fleet);
	assert_answer(asks, "fleetBy", by);
}

static void test_the_fleet_comes_with_what_names_it(void **state)
{
	(void)state;
	assert_fleet(WEB("", "loadBalancerClass: kago.dev/b, " TCP), "\"b\"",
		"\"spec.loadBalancerClass\"");
	assert_fleet(WEB("kago.dev/fleet: b", TCP), "\"b\"", "\"kago.dev/fleet\"");
	assert_fleet(WEB("kago.dev/fleet: a", "loadBalancerClass: kago.dev/a, " TCP), "\"a\"",
		"\"spec.loadBalancerClass and kago.dev/fleet\"");
	assert_fleet(WEB("", TCP), "\"a\"", "\"kubernetes.defaultClass\"");
}

static void test_of_two_fleets_ours_is_told(void **state)
{
	(void)state;
	assert_fleet(WEB("kago.dev/fleet: a", "loadBalancerClass: kago.dev/b, " TCP), "\"a\"",
		"\"spec.loadBalancerClass and kago.dev/fleet\"");
}

static void test_defaults_are_told_as_if_they_were_asked_for(void **state)
{
	json_auto_t *asks = asks_of(WEB("kago.dev/fleet: a", TCP));

	(void)state;
	assert_answer(asks, "addresses",
		"{\"families\": [\"IPv4\", \"IPv6\"], \"familiesNeeded\": 1, \"vips\": []}");
	assert_answer(asks, "ports",
		"[{\"name\": \"\", \"port\": 80, \"protocol\": \"tcp\", \"targetPort\": 80}]");
	assert_answer(asks, "scheduler", "\"mh\"");
	assert_answer(asks, "healthCheck",
		"{\"everyPort\": false, \"intervalSeconds\": 5, \"timeoutSeconds\": 3, "
		"\"type\": \"tcp\"}");
	assert_answer(asks, "sourceRanges", "[]");
	assert_answer(asks, "affinitySeconds", "0");
}

static void test_all_that_can_be_asked_for_is_told(void **state)
{
	json_auto_t *asks = asks_of(
		WEB("kago.dev/fleet: a, kago.dev/vip: '10.1.1.1, fd00::1', kago.dev/pool: p, "
		    "kago.dev/share: k, kago.dev/scheduler: rr, kago.dev/health-check: http, "
		    "kago.dev/health-check-path: /up, kago.dev/health-check-port: '81'",
			"sessionAffinity: ClientIP, loadBalancerSourceRanges: [192.0.2.0/24], "
			"ports: [{name: dns, protocol: UDP, port: 53, targetPort: named}]"));

	(void)state;
	assert_answer(asks, "addresses",
		"{\"pool\": \"p\", \"share\": \"k\", \"vips\": [\"10.1.1.1\", \"fd00::1\"]}");
	assert_answer(asks, "ports",
		"[{\"name\": \"dns\", \"port\": 53, \"protocol\": \"udp\", "
		"\"targetPort\": \"named\"}]");
	assert_answer(asks, "scheduler", "\"rr\"");
	assert_answer(asks, "healthCheck",
		"{\"codes\": \"200-399\", \"everyPort\": true, \"intervalSeconds\": 5, \"path\": "
		"\"/up\", \"port\": 81, "
		"\"timeoutSeconds\": 3, \"type\": \"http\"}");
	assert_answer(asks, "sourceRanges", "[\"192.0.2.0/24\"]");
	assert_answer(asks, "affinitySeconds", "10800");
}

static void test_of_a_wrong_service_only_the_fleet_is_told(void **state)
{
	json_auto_t *asks = asks_of(WEB("kago.dev/fleet: a, kago.dev/scheduler: random", TCP));

	(void)state;
	assert_int_equal(json_object_size(asks), 2);
	assert_answer(asks, "fleet", "\"a\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_fleet_comes_with_what_names_it),
		cmocka_unit_test(test_of_two_fleets_ours_is_told),
		cmocka_unit_test(test_defaults_are_told_as_if_they_were_asked_for),
		cmocka_unit_test(test_all_that_can_be_asked_for_is_told),
		cmocka_unit_test(test_of_a_wrong_service_only_the_fleet_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
