/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"
#include "objects.h"

#include "report/advice.h"

/* The Service shop/web at 10.1.1.1:80, which is well, and a controller; tests make it worse. */
struct desk {
	struct advice advice;
	struct explain x;
	struct snapshot now;
	struct sidecar_state sidecar;
	struct service service;
	struct service_port port;
	struct fleet_service decision;
	struct assignment assignment;
	struct real_server reals[2];
	struct virtual_server server, *servers[1];
	struct fleet fleet;
	struct ipvs_dest dests[2];
	struct ipvs_service in_kernel;
	struct ipvs_table kernel;
};

static char ns[] = "shop", name[] = "web", older[] = "older", edge[] = "edge";
static const char *complaint; /* of keepalived */

const char *__wrap_apply_complaint(const struct apply *a, const struct virtual_server *vs);

const char *__wrap_apply_complaint(const struct apply *a, const struct virtual_server *vs)
{
	(void)a;
	(void)vs;
	return complaint;
}

static void fill_decision(struct desk *d)
{
	static struct ipaddr vip;
	static char message[] = "what is so";

	vip = addr_of("10.1.1.1");
	d->port = (struct service_port){.port = 80, .protocol = IPPROTO_TCP};
	d->service = (struct service){.ports = &d->port, .n_ports = 1};
	d->decision = (struct fleet_service){
		.ns = ns, .name = name, .message = message, .vips = &vip, .n_vips = 1};
	for (size_t i = 0; i < 2; i++)
		d->reals[i] = (struct real_server){.addr = addr_of(i ? "172.16.1.2" : "172.16.1.1"),
			.port = 8080,
			.weight = 1};
	d->server = (struct virtual_server){.ns = ns,
		.name = name,
		.vip = vip,
		.port = 80,
		.protocol = IPPROTO_TCP,
		.reals = d->reals,
		.n_reals = 2};
	d->servers[0] = &d->server;
	d->fleet = (struct fleet){.servers = d->servers, .n_servers = 1};
}

static void fill_kernel(struct desk *d)
{
	for (size_t i = 0; i < 2; i++)
		d->dests[i] = (struct ipvs_dest){
			.addr = d->reals[i].addr, .port = d->reals[i].port, .weight = 1};
	d->in_kernel = (struct ipvs_service){.addr = d->server.vip,
		.port = 80,
		.protocol = IPPROTO_TCP,
		.dests = d->dests,
		.n_dests = 2};
	d->kernel = (struct ipvs_table){&d->in_kernel, 1};
	d->sidecar.announced = json_pack("[s]", "10.1.1.0/24");
	d->sidecar.sessions = 1;
}

static void desk_init(struct desk *d)
{
	*d = (struct desk){0};
	complaint = NULL;
	fill_decision(d);
	fill_kernel(d);
	d->now = (struct snapshot){
		.fleet_name = "a",
		.fleet = &d->fleet,
		.kernel = &d->kernel,
		.sidecar = &d->sidecar,
		.n_sidecars = 1,
		.cluster = {.identity = "kago-a", .leader = "kago-a"},
	};
	d->x = (struct explain){.now = &d->now, .followed = "", .synced = true};
	d->advice = (struct advice){.x = &d->x,
		.ns = ns,
		.name = name,
		.service = &d->service,
		.ours = true,
		.decision = &d->decision};
}

/* The advice has this text in it; NULL: there is none. */
static void assert_advice(const struct desk *d, const char *expected)
{
	CLEANUP_FREE char *advice = advice_for(&d->advice);

	if (!expected)
		assert_null(advice);
	else if (!advice || !strstr(advice, expected))
		fail_msg("not '%s' but '%s'", expected, advice ? advice : "nothing");
}

static void desk_done(struct desk *d)
{
	json_decref(d->sidecar.announced);
}

static void test_a_service_that_is_well_needs_nothing(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	assert_advice(&d, NULL);
	d.now.cluster = (struct cluster_state){0};
	assert_advice(&d, NULL);
	desk_done(&d);
}

static void test_a_stranger_is_to_be_looked_for_elsewhere(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.advice = (struct advice){.x = &d.x, .ns = ns, .name = name};
	assert_advice(&d, "kubectl get service web -n shop -o yaml");
	d.x.followed = "shop";
	assert_advice(&d, "kubectl get service");
	d.x.followed = "other";
	assert_advice(&d, "ask a load balancer that follows the namespace shop");
	d.x.followed = "";
	d.x.synced = false;
	assert_advice(&d, "not all that exists has arrived");
	d.now.cluster.lost_for = 1;
	assert_advice(&d, "the API server cannot be followed");
	d.advice.service = &d.service;
	assert_advice(&d, "set spec.loadBalancerClass: kago.dev/a");
	d.service.class_fleet = edge;
	assert_advice(&d, "ask a load balancer of the fleet edge");
	desk_done(&d);
}

static void test_what_is_wrong_is_to_be_corrected(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.decision.outcome = FLEET_REJECTED;
	assert_advice(&d, "correct the Service: what is so");
	d.decision.reason = REASON_FLEET_FULL;
	assert_advice(&d, "fewer endpoints");
	d.decision.outcome = FLEET_CONFLICT;
	assert_advice(&d, "give it or the other one another VIP or port");
	d.server.name = older;
	assert_advice(&d, "give it or shop/older another VIP or port");
	desk_done(&d);
}

static void test_who_waits_for_an_address_hears_what_for(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.decision.outcome = FLEET_PENDING;
	assert_advice(&d, "being written");
	d.advice.assignment = &d.assignment;
	assert_advice(&d, "being written");
	d.assignment.message = older;
	assert_advice(&d, "correct the Service or the pools: older");
	d.now.cluster.leader = "kago-b";
	assert_advice(&d, "kubectl exec kago-b -c ipvs -- kago-controller explain shop/web");
	d.now.cluster.leader = "";
	assert_advice(&d, "nobody leads the fleet");
	d.now.cluster.lost_for = 1;
	assert_advice(&d, "the API server cannot be followed");
	desk_done(&d);
}

static void test_without_endpoints_the_pods_are_to_be_looked_at(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.decision.outcome = FLEET_NO_ENDPOINTS;
	assert_advice(&d, "kubectl get endpointslices -n shop -l kubernetes.io/service-name=web");
	desk_done(&d);
}

static void test_what_the_kernel_lacks_comes_before_the_announcement(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.now.n_sidecars = 0;
	d.dests[0].weight = d.dests[1].weight = 0;
	assert_advice(&d, "port 80: all real servers fail their health check");
	d.kernel.n_services = 0;
	assert_advice(&d, "why the last change did not bring it into the kernel");
	complaint = "no";
	assert_advice(&d, "refused by keepalived");
	d.now.kernel = NULL;
	assert_advice(&d, "IPVS cannot be read");
	desk_done(&d);
}

static void test_one_real_server_that_is_up_is_enough(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.dests[0].weight = 0;
	assert_advice(&d, NULL);
	desk_done(&d);
}

static void test_what_is_not_announced_is_the_sidecars(void **state)
{
	static char broken[] = "keepalived does not run";
	struct desk d;

	(void)state;
	desk_init(&d);
	json_array_clear(d.sidecar.announced);
	assert_advice(&d, "10.1.1.1 is not announced by this load balancer");
	d.sidecar.suspended = broken;
	assert_advice(&d, "this load balancer has withdrawn all, because keepalived does not run");
	d.sidecar.suspended = NULL;
	d.sidecar.sessions = 0;
	assert_advice(&d, "this load balancer has no BGP session");
	d.now.on_layer_2 = true;
	assert_advice(&d, NULL);
	d.now.on_layer_2 = false;
	d.now.by_program = true;
	assert_advice(&d, "10.1.1.1 is not announced by this load balancer: `kago-sidecar status`");
	d.now.n_sidecars = 0;
	assert_advice(&d, "the sidecar is not there");
	desk_done(&d);
}

static void test_what_goes_to_other_racks_is_not_the_sidecars(void **state)
{
	static char other[] = "tor-b", ours[] = "tor-a", nobodys[] = "tor-c";
	const struct config_peer peer = {.address = addr_of("10.0.1.1"), .name = ours};
	const struct config_other_peer elsewhere = {addr_of("10.0.2.1"), other};
	const struct fleet_rules rules = {
		.peers = &peer, .n_peers = 1, .other_peers = &elsewhere, .n_other_peers = 1};
	struct attributes route = {
		.said = ATTRIBUTES_PEERS, .peers = {other, nobodys}, .n_peers = 2};
	struct desk d;

	(void)state;
	desk_init(&d);
	json_array_clear(d.sidecar.announced);
	d.x.rules = &rules;
	d.decision.route = &route;
	assert_advice(&d, NULL);
	route.peers[1] = ours;
	assert_advice(&d, "10.1.1.1 is not announced by this load balancer");
	route = (struct attributes){.said = ATTRIBUTES_PEERS, .peers = {nobodys}, .n_peers = 1};
	assert_advice(&d, "10.1.1.1 is not announced by this load balancer");
	desk_done(&d);
}

static void test_a_render_only_controller_expects_no_kernel(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.now.render_only = true;
	d.now.kernel = NULL;
	d.now.n_sidecars = 0;
	assert_advice(&d, NULL);
	desk_done(&d);
}

static void test_what_is_served_can_still_lack_what_it_asks_for(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.now.cluster.leader = "";
	assert_advice(&d, "nobody leads the fleet");
	d.assignment.message = older;
	d.advice.assignment = &d.assignment;
	assert_advice(&d, "correct the Service or the pools: older");
	desk_done(&d);
}

static void test_before_the_first_decision_there_is_only_to_wait(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	d.advice.decision = NULL;
	assert_advice(&d, "nothing is decided yet");
	desk_done(&d);
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
		cmocka_unit_test(test_what_goes_to_other_racks_is_not_the_sidecars),
		cmocka_unit_test(test_a_render_only_controller_expects_no_kernel),
		cmocka_unit_test(test_what_is_served_can_still_lack_what_it_asks_for),
		cmocka_unit_test(test_before_the_first_decision_there_is_only_to_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
