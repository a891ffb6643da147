/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include "report/advice.h"

/* The advice for an answer, members of a YAML mapping, has this text in it; NULL: there is none. */
static void assert_advice(const char *yaml, const char *expected)
{
	CLEANUP_FREE char *text = xasprintf("{fleet: a, namespace: shop, name: web, %s}", yaml);
	CLEANUP_FREE char *advice = NULL;
	json_auto_t *answer = object_of(text);

	advice = advice_for(answer);
	if (!expected)
		assert_null(advice);
	else if (!advice || !strstr(advice, expected))
		fail_msg("%s: not '%s' but '%s'", yaml, expected, advice ? advice : "nothing");
}

#define OURS "known: true, ours: true, synced: true, mode: ipvs, kernelReadable: true, "
#define CLUSTER(leader, leads)                                                                     \
	"kubernetes: {following: true, identity: kago-a, leader: '" leader "', leads: " leads "}," \
	" "
#define DECISION(outcome) "decision: {outcome: " outcome ", reason: R, message: what is so}, "
#define UP                                                                                         \
	"virtualServers: [{vip: 10.1.1.1, port: 80, inKernel: true, realServers: [{state: "        \
	"up}]}], "
#define ANNOUNCED                                                                                  \
	"sidecarConnected: true, bgpSessions: 1, announced: [{vip: 10.1.1.1, prefixes: "           \
	"[10.1.1.1/32]}], "

static void test_a_service_that_is_well_needs_nothing(void **state)
{
	(void)state;
	assert_advice(OURS CLUSTER("kago-a", "false") DECISION("served") UP ANNOUNCED, NULL);
	assert_advice(OURS DECISION("served") UP ANNOUNCED, NULL);
}

static void test_a_stranger_is_to_be_looked_for_elsewhere(void **state)
{
	(void)state;
	assert_advice("known: false, synced: true", "kubectl get service web -n shop -o yaml");
	assert_advice("known: false, synced: false", "not all that exists has arrived");
	assert_advice("known: false, synced: true, followedNamespace: other",
		"ask a load balancer that follows the namespace shop");
	assert_advice("known: false, synced: true, followedNamespace: shop", "kubectl get service");
	assert_advice("known: true, asks: {fleet: edge}", "ask a load balancer of the fleet edge");
	assert_advice("known: true, asks: {}", "set spec.loadBalancerClass: kago.dev/a");
	assert_advice("known: false, synced: false, kubernetes: {following: false}",
		"the API server cannot be followed");
}

static void test_what_is_wrong_is_to_be_corrected(void **state)
{
	(void)state;
	assert_advice(OURS DECISION("rejected"), "correct the Service: what is so");
	assert_advice(OURS "decision: {outcome: rejected, reason: FleetFull}", "fewer endpoints");
	assert_advice(OURS DECISION("conflict") "unserved: [{heldBy: shop/older}]",
		"give it or shop/older another VIP or port");
}

static void test_who_waits_for_an_address_hears_what_for(void **state)
{
	(void)state;
	assert_advice(OURS CLUSTER("", "false") DECISION("pending"), "nobody leads the fleet");
	assert_advice(OURS CLUSTER("kago-b", "false") DECISION("pending"),
		"kubectl exec kago-b -c ipvs -- kago-controller explain shop/web");
	assert_advice(OURS CLUSTER("kago-a", "true") DECISION("pending") "assignment: {message: no "
									 "pool}",
		"correct the Service or the pools: no pool");
	assert_advice(OURS CLUSTER("kago-a", "true") DECISION("pending"), "being written");
	assert_advice(OURS CLUSTER("kago-a", "false") DECISION("pending"), "wait a moment");
	assert_advice(OURS "kubernetes: {following: false, leader: kago-b}, " DECISION("pending"),
		"the API server cannot be followed");
}

static void test_without_endpoints_the_pods_are_to_be_looked_at(void **state)
{
	(void)state;
	assert_advice(OURS DECISION("no_endpoints"),
		"kubectl get endpointslices -n shop -l kubernetes.io/service-name=web");
}

static void test_what_the_kernel_lacks_comes_before_the_announcement(void **state)
{
	(void)state;
	assert_advice(OURS DECISION("served") "virtualServers: [{inKernel: false}]",
		"why the last change did not bring it into the kernel");
	assert_advice(OURS DECISION("served") "virtualServers: [{refusedByKeepalived: 'no'}]",
		"refused by keepalived");
	assert_advice(
		OURS DECISION("served") "virtualServers: [{port: 80, inKernel: true, realServers: "
					"[{state: down}, {state: down}]}]",
		"port 80: all real servers fail their health check");
	assert_advice("known: true, ours: true, synced: true, mode: ipvs, kernelReadable: "
		      "false, " DECISION("served"),
		"IPVS cannot be read");
}

static void test_one_real_server_that_is_up_is_enough(void **state)
{
	(void)state;
	assert_advice(OURS DECISION("served") ANNOUNCED
		"virtualServers: [{inKernel: true, realServers: [{state: down}, {state: up}]}]",
		NULL);
}

static void test_what_is_not_announced_is_the_sidecars(void **state)
{
	(void)state;
	assert_advice(
		OURS DECISION("served") UP "sidecarConnected: false", "the sidecar is not there");
	assert_advice(OURS DECISION("served") UP "sidecarConnected: true, bgpSessions: 0, "
						 "announced: [{vip: 10.1.1.1, prefixes: []}]",
		"this load balancer has no BGP session");
	assert_advice(OURS DECISION("served") UP "sidecarConnected: true, bgpSessions: 1, "
						 "announced: [{vip: 10.1.1.1, prefixes: []}]",
		"10.1.1.1 is not announced by this load balancer");
}

static void test_a_render_only_controller_expects_no_kernel(void **state)
{
	(void)state;
	assert_advice("known: true, ours: true, synced: true, mode: render-only, " DECISION(
			      "served") "virtualServers: [{inKernel: false}]",
		NULL);
}

static void test_what_is_served_can_still_lack_what_it_asks_for(void **state)
{
	(void)state;
	assert_advice(OURS CLUSTER("kago-a", "true") DECISION("served") UP ANNOUNCED
		"assignment: {reason: PoolUnknown, message: no pool}",
		"correct the Service or the pools: no pool");
	assert_advice(OURS CLUSTER("", "false") DECISION("served") UP ANNOUNCED,
		"nobody leads the fleet");
}

static void test_before_the_first_decision_there_is_only_to_wait(void **state)
{
	(void)state;
	assert_advice(OURS, "nothing is decided yet");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_that_is_well_needs_nothing),
		cmocka_unit_test(test_a_stranger_is_to_be_looked_for_elsewhere),
		cmocka_unit_test(test_what_is_wrong_is_to_be_corrected),
		cmocka_unit_test(test_who_waits_for_an_address_hears_what_for),
		cmocka_unit_test(test_without_endpoints_the_pods_are_to_be_looked_at),
		cmocka_unit_test(test_what_the_kernel_lacks_comes_before_the_announcement),
		cmocka_unit_test(test_one_real_server_that_is_up_is_enough),
		cmocka_unit_test(test_what_is_not_announced_is_the_sidecars),
		cmocka_unit_test(test_a_render_only_controller_expects_no_kernel),
		cmocka_unit_test(test_what_is_served_can_still_lack_what_it_asks_for),
		cmocka_unit_test(test_before_the_first_decision_there_is_only_to_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
