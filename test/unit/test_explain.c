/* SPDX-License-Identifier: Apache-2.0 */
#include "addresses.h"
#include "answers.h"

#include <errno.h>
#include <stdlib.h>

#include "decide/refusals.h"
#include "report/explain.h"

/* A controller of the fleet "a" with the pool web, that follows a cluster and that tests change. */
struct desk {
	sd_event *loop;
	struct config *config;
	struct apply *apply;
	struct store *store;
	struct config_range range;
	struct config_pool pool;
	struct fleet_rules rules;
	struct snapshot now;
	struct explain x;
	struct sidecar_state sidecar;
	struct ipvs_dest real;
	struct ipvs_service virtual;
	struct ipvs_table kernel;
};

static void set(struct desk *d, const char *key, const char *value)
{
	struct err e = {0};

	if (config_set(d->config, key, value, &e) < 0)
		fail_msg("%s", e.msg);
}

static void desk_init(struct desk *d)
{
	static const struct apply_ops ops = {0};
	struct err e = {0};

	*d = (struct desk){0};
	assert_return_code(sd_event_new(&d->loop), 0);
	assert_int_equal(config_load(&d->config, NULL, &e), 0);
	set(d, "keepalived.template", KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache");
	if (apply_new(&d->apply, d->loop, d->config, NULL, NULL, &ops, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	d->store = store_new();
	assert_int_equal(config_range_parse(&d->range, "10.1.1.0/24", &e), 0);
	d->pool = (struct config_pool){.name = (char *)(uintptr_t) "web",
		.ranges = &d->range,
		.n_ranges = 1,
		.auto_assign = true};
	d->rules = (struct fleet_rules){
		.fleet = "a", .addressing = ADDRESSING_STATUS, .pools = &d->pool, .n_pools = 1};
	d->now = (struct snapshot){
		.fleet_name = "a",
		.apply = d->apply,
		.kernel = &d->kernel,
		.sidecar = &d->sidecar,
		.cluster = {.identity = "kago-a", .leader = "kago-b"},
	};
	d->x = (struct explain){.now = &d->now,
		.store = d->store,
		.rules = &d->rules,
		.followed = "",
		.synced = true};
}

static void desk_done(struct desk *d)
{
	json_decref(d->sidecar.announced);
	store_free(d->store);
	apply_free(d->apply);
	config_free(d->config);
	sd_event_unref(d->loop);
}

/* As if everything had been decided on just now. */
static json_t *explain(struct desk *d, const char *name)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = fleet_build(d->store, &d->rules);
	CLEANUP(allocation_freep) struct allocation *allocation = NULL;
	json_t *answer;

	if (d->now.cluster.leads) {
		allocation = allocation_new(d->store, &d->rules);
		allocation_settle(allocation, NULL, NULL);
	}
	d->now.fleet = fleet;
	d->now.cluster.allocation = allocation;
	answer = explain_service(&d->x, "shop", name);
	d->now.fleet = NULL;
	d->now.cluster.allocation = NULL;
	return answer;
}

/* A Service of the fleet "a", with more of its metadata's annotations, ports and status. */
#define OURS(name, annotations, ports, status)                                                     \
	SERVICE(name, ", annotations: {" annotations "}}\n"                                        \
		      "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [" ports   \
		      "]}\nstatus: {" status "}")
#define HAS(vip) "loadBalancer: {ingress: [{ip: " vip "}]}"
#define CONDITION "conditions: [{type: kago.dev/Accepted, status: 'True', reason: R, message: m}]"
#define PODS(service)                                                                              \
	SLICE(service "-1", service,                                                               \
		"addressType: IPv4\nports: [{name: '', port: 8080}]\nendpoints:\n"                 \
		"- {addresses: [172.16.1.1]}\n"                                                    \
		"- {addresses: [172.16.1.2], conditions: {ready: false, serving: true, "           \
		"terminating: true}}\n"                                                            \
		"- {addresses: [172.16.1.3], conditions: {ready: false}}")

/* The kernel has the virtual server 10.1.1.1:80, with the real server that is ready. */
static void fill_kernel(struct desk *d)
{
	d->real.addr = addr_of("172.16.1.1");
	d->real.port = 8080;
	d->real.weight = 1;
	d->real.active_conns = 7;
	d->virtual.addr = addr_of("10.1.1.1");
	d->virtual.port = 80;
	d->virtual.protocol = IPPROTO_TCP;
	d->virtual.dests = &d->real;
	d->virtual.n_dests = 1;
	d->kernel = (struct ipvs_table){&d->virtual, 1};
}

static const char **announcers(void *ud, const struct ipaddr *vip, size_t *ret_n)
{
	const char **names = xcalloc(2, sizeof(const char *));
	char text[IPADDR_TEXT];

	(void)ud;
	*ret_n = 0;
	if (strcmp(ipaddr_format(text, vip), "10.1.1.1") != 0)
		return names;
	names[(*ret_n)++] = "kago-a";
	names[(*ret_n)++] = "kago-b";
	return names;
}

static void test_a_service_is_told_from_its_wish_to_its_announcement(void **state)
{
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	fill_kernel(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("10.1.1.1") ", " CONDITION) PODS("web"));
	d.sidecar.announced = json_pack("[s, s]", "10.1.1.0/24", "10.1.2.0/24");
	d.sidecar.sessions = 1;
	d.now.n_sidecars = 1;
	d.x.announcers = announcers;
	answer = explain(&d, "web");
	assert_answer(answer, "ours", "true");
	assert_answer(answer, "asks fleetBy", "\"spec.loadBalancerClass\"");
	assert_answer(
		answer, "held", "[{\"allowed\": true, \"pool\": \"web\", \"vip\": \"10.1.1.1\"}]");
	assert_answer(answer, "conditions", "{\"kago.dev/Accepted\": \"True\"}");
	assert_answer(answer, "decision outcome", "\"served\"");
	assert_answer(answer, "kubernetes leader", "\"kago-b\"");
	assert_answer(answer, "unserved", "[]");
	assert_answer(answer, "announced",
		"[{\"announcers\": [\"kago-a\", \"kago-b\"], \"prefixes\": [\"10.1.1.0/24\"], "
		"\"vip\": \"10.1.1.1\"}]");
	assert_answer(answer, "whatToDo", "null");
	desk_done(&d);
}

static void test_real_servers_are_as_the_kernel_has_them(void **state)
{
	const json_t *servers, *reals;
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	fill_kernel(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("10.1.1.1")) PODS("web"));
	answer = explain(&d, "web");
	servers = json_object_get(answer, "virtualServers");
	reals = json_object_get(json_array_get(servers, 0), "realServers");
	assert_answer(json_array_get(servers, 0), "inKernel", "true");
	assert_answer(json_array_get(reals, 0), "activeConnections", "7");
	assert_answer(json_array_get(reals, 0), "state", "\"up\"");
	assert_answer(json_array_get(reals, 1), "state", "\"missing\"");
	desk_done(&d);
}

static void assert_client_goes(struct desk *d, const char *expected)
{
	json_auto_t *answer = NULL;

	d->x.client.port = 4711;
	d->x.client.addr = addr_of("192.0.2.7");
	answer = explain(d, "web");
	assert_answer(answer, "choices", expected);
}

static void test_a_client_that_is_not_let_in_goes_nowhere(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	fill_kernel(&d);
	memcpy(d.virtual.scheduler, "mh", sizeof "mh");
	put_all(d.store, OURS("web", "", "{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8",
				 HAS("10.1.1.1")) PODS("web"));
	assert_client_goes(&d,
		"[{\"port\": 80, \"protocol\": \"tcp\", \"vip\": \"10.1.1.1\", \"why\": "
		"\"is dropped: the Service lets in others only (loadBalancerSourceRanges)\"}]");
	put_all(d.store, OURS("web", "", "{port: 80}], loadBalancerSourceRanges: [192.0.2.0/24",
				 HAS("10.1.1.1")) PODS("web"));
	assert_client_goes(&d,
		"[{\"address\": \"172.16.1.1\", \"port\": 80, \"protocol\": \"tcp\", \"realPort\": "
		"8080, \"vip\": \"10.1.1.1\"}]");
	desk_done(&d);
}

static void test_a_clients_real_server_is_told_of_mh(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	fill_kernel(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("10.1.1.1")) PODS("web"));
	memcpy(d.virtual.scheduler, "mh", sizeof "mh");
	assert_client_goes(&d,
		"[{\"address\": \"172.16.1.1\", \"port\": 80, \"protocol\": \"tcp\", "
		"\"realPort\": 8080, \"vip\": \"10.1.1.1\"}]");
	memcpy(d.virtual.scheduler, "wlc", sizeof "wlc");
	assert_client_goes(&d,
		"[{\"port\": 80, \"protocol\": \"tcp\", \"vip\": \"10.1.1.1\", \"why\": "
		"\"goes where its scheduler sends it: only mh can be foretold\"}]");
	d.kernel.n_services = 0;
	assert_client_goes(&d,
		"[{\"port\": 80, \"protocol\": \"tcp\", \"vip\": \"10.1.1.1\", \"why\": "
		"\"cannot be made: the kernel has no such virtual server\"}]");
	desk_done(&d);
}

/* One Service is refused with a message that quotes what it says, and has no ASCII in it. */
static void test_the_status_is_compact_json_with_sorted_keys(void **state)
{
	CLEANUP(fleet_unrefp) struct fleet *fleet = NULL;
	CLEANUP_FREE char *text = NULL, *again = NULL;
	const json_t *services, *servers;
	json_auto_t *status = NULL;
	struct desk d;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	desk_init(&d);
	fill_kernel(&d);
	put_all(d.store, OURS("odd", "kago.dev/scheduler: '\"\\ü'", "{port: 80}", ""));
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("10.1.1.1")) PODS("web"));
	fleet = fleet_build(d.store, &d.rules);
	d.now.fleet = fleet;
	snapshot_write_status(&d.now, out);
	fclose(out);
	status = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(status);
	again = json_dumps(status, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, again);
	services = json_object_get(status, "services");
	servers = json_object_get(json_array_get(services, 1), "virtualServers");
	assert_answer(json_array_get(services, 0), "outcome", "\"rejected\"");
	assert_answer(json_array_get(services, 0), "virtualServers", "[]");
	assert_answer(json_array_get(servers, 0), "inKernel", "true");
	assert_answer(json_array_get(servers, 0), "realServers",
		"[{\"activeConnections\": 7, \"address\": \"172.16.1.1\", \"connections\": 0, "
		"\"forward\": \"nat\", \"inactiveConnections\": 0, \"port\": 8080, \"state\": "
		"\"up\", "
		"\"targetPort\": 8080, \"wantedWeight\": 1, \"weight\": 1}, "
		"{\"activeConnections\": 0, "
		"\"address\": \"172.16.1.2\", \"connections\": 0, \"forward\": \"nat\", "
		"\"inactiveConnections\": 0, \"port\": 8080, \"state\": \"missing\", "
		"\"targetPort\": 8080, "
		"\"wantedWeight\": 0, \"weight\": null}]");
	assert_answer(status, "ready", "false");
	d.now.fleet = NULL;
	desk_done(&d);
}

/* Of the status; and of the metrics, where there are none of it otherwise. */
static void test_what_a_program_has_yet_to_do_is_told(void **state)
{
	CLEANUP_FREE char *status = NULL, *metrics = NULL, *before = NULL;
	const struct tunnel_set nobody = {0};
	struct desk d;
	size_t len = 0;
	FILE *out;

	(void)state;
	desk_init(&d);
	d.now.tunnel_nodes = &nobody;
	out = open_memstream(&before, &len);
	snapshot_metrics(&d.now, out);
	fclose(out);
	assert_null(strstr(before, "kago_exec"));
	d.now.by_program = true;
	d.sidecar.exec = json_pack("{si si ss}", "pending", 3, "failing", 2, "error", "no");
	out = open_memstream(&status, &len);
	snapshot_write_status(&d.now, out);
	fclose(out);
	assert_non_null(strstr(status, "\"exec\":{\"error\":\"no\",\"failing\":2,\"pending\":3}"));
	out = open_memstream(&metrics, &len);
	snapshot_metrics(&d.now, out);
	fclose(out);
	assert_non_null(strstr(metrics, "\nkago_exec_pending 3\n"));
	assert_non_null(strstr(metrics, "\nkago_exec_failing 2\n"));
	json_decref(d.sidecar.exec);
	d.sidecar.exec = NULL;
	desk_done(&d);
}

static void test_endpoints_are_counted_by_what_they_are(void **state)
{
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", "") PODS("web"));
	answer = explain(&d, "web");
	assert_answer(answer, "endpoints",
		"[{\"draining\": 1, \"family\": \"IPv4\", \"notReady\": 1, \"ready\": 1, "
		"\"slices\": 1}, {\"draining\": 0, \"family\": \"IPv6\", \"notReady\": 0, "
		"\"ready\": 0, \"slices\": 0}]");
	desk_done(&d);
}

static void test_the_leader_says_what_it_assigns(void **state)
{
	json_auto_t *with = NULL, *without = NULL, *wrong = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", "")
				 OURS("odd", "kago.dev/pool: wbe", "{port: 80}", ""));
	without = explain(&d, "web");
	assert_answer(without, "assignment", "null");
	d.now.cluster.leads = true;
	with = explain(&d, "web");
	assert_answer(with, "assignment", "{\"pool\": \"web\", \"vips\": [\"10.1.1.0\"]}");
	wrong = explain(&d, "odd");
	assert_answer(wrong, "assignment reason", "\"PoolUnknown\"");
	assert_answer(wrong, "decision outcome", "\"pending\"");
	desk_done(&d);
}

static void test_an_address_that_it_may_not_have_is_marked(void **state)
{
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("192.0.2.1")));
	answer = explain(&d, "web");
	assert_answer(answer, "held", "[{\"allowed\": false, \"vip\": \"192.0.2.1\"}]");
	desk_done(&d);
}

static void test_a_port_of_another_service_comes_with_its_holder(void **state)
{
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	put_all(d.store,
		OURS("older", "", "{port: 80}", HAS("10.1.1.1")) PODS("older") OURS("web", "",
			"{port: 80}, {port: 53, name: dns}", HAS("10.1.1.1")) PODS("web"));
	answer = explain(&d, "web");
	assert_answer(answer, "decision outcome", "\"conflict\"");
	assert_answer(answer, "unserved",
		"[{\"heldBy\": \"shop/older\", \"port\": 80, \"protocol\": \"tcp\", "
		"\"vip\": \"10.1.1.1\"}, {\"port\": 53, \"protocol\": \"tcp\", "
		"\"vip\": \"10.1.1.1\"}]");
	desk_done(&d);
}

static void test_what_is_not_known_has_several_reasons(void **state)
{
	json_auto_t *answer = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	answer = explain(&d, "web");
	assert_answer(answer, "known", "false");
	assert_answer(answer, "ours", "false");
	assert_int_equal(json_array_size(json_object_get(answer, "reasons")), 3);
	desk_done(&d);
}

static void test_what_cannot_be_known_has_one(void **state)
{
	json_auto_t *elsewhere = NULL, *early = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	d.x.followed = "other";
	elsewhere = explain(&d, "web");
	assert_answer(elsewhere, "reasons",
		"[\"only the namespace other is followed (kubernetes.namespace)\"]");
	d.x.followed = "shop";
	d.x.synced = false;
	early = explain(&d, "web");
	assert_answer(early, "reasons", "[\"not all that exists has arrived yet\"]");
	desk_done(&d);
}

static void assert_not_ours(const char *service, const char *reasons)
{
	json_auto_t *answer = NULL;
	struct desk d;

	desk_init(&d);
	put_all(d.store, service);
	answer = explain(&d, "web");
	assert_answer(answer, "known", "true");
	assert_answer(answer, "ours", "false");
	assert_answer(answer, "decision", "null");
	assert_answer(answer, "reasons", reasons);
	desk_done(&d);
}

static void test_a_service_of_others_says_whose(void **state)
{
	(void)state;
	assert_not_ours(SERVICE("web", "}\nspec: {type: LoadBalancer, loadBalancerClass: "
				       "kago.dev/b, ports: [{port: 80}]}"),
		"[\"it asks for the fleet b (spec.loadBalancerClass); this is the fleet a\"]");
	assert_not_ours(SERVICE("web", ", annotations: {kago.dev/fleet: b}}\nspec: {type: "
				       "LoadBalancer, ports: [{port: 80}]}"),
		"[\"it asks for the fleet b (kago.dev/fleet); this is the fleet a\"]");
	assert_not_ours(SERVICE("web", "}\nspec: {type: LoadBalancer, ports: [{port: 80}]}"),
		"[\"it names neither spec.loadBalancerClass nor the annotation kago.dev/fleet, "
		"and kubernetes.defaultClass is off\"]");
	assert_not_ours(SERVICE("web", "}\nspec: {type: ClusterIP, ports: [{port: 80}]}\n"
				       "status: {" CONDITION "}"),
		"[\"it asks for no fleet of kago any more; the leader takes what kago wrote out "
		"of its status\"]");
}

/* Pods are not at fault where there are endpoints that nothing may be sent to. */
static void test_what_is_not_served_is_advised_by_its_reason(void **state)
{
	struct keep_out api_server = {.addr = addr_of("172.16.1.1"), .what = "the API server"};
	struct refusal_of itself = {.place = {addr_of("10.1.1.1"), IPPROTO_TCP, 80}};
	struct refusals *refusals = refusals_new();
	json_auto_t *forbidden = NULL, *refused = NULL;
	struct objname id;
	struct desk d;

	(void)state;
	desk_init(&d);
	put_all(d.store, OURS("web", "", "{port: 80}", HAS("10.1.1.1")) SLICE("web-1", "web",
				 "addressType: IPv4\n"
				 "ports: [{name: '', port: 8080}]\n"
				 "endpoints: [{addresses: [172.16.1.1]}]"));
	d.rules.keep_out = &api_server;
	d.rules.n_keep_out = 1;
	forbidden = explain(&d, "web");
	assert_answer(forbidden, "decision reason", "\"EndpointsNotAllowed\"");
	assert_answer(forbidden, "whatToDo",
		"\"give it endpoints that it may have: the decision says which it may not, and why "
		"(endpoints in kago.yaml)\"");
	objname_init(&id, "shop", "web");
	refusals_add(refusals, &itself, &id, EPROTONOSUPPORT);
	d.rules.refusals = refusals;
	refused = explain(&d, "web");
	assert_answer(refused, "decision reason", "\"RefusedByKernel\"");
	assert_answer(refused, "whatToDo",
		"\"see what this node's kernel refuses, in the decision: an address that no packet "
		"can be sent to, or a protocol that it has not got\"");
	objname_done(&id);
	refusals_free(refusals);
	desk_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_is_told_from_its_wish_to_its_announcement),
		cmocka_unit_test(test_real_servers_are_as_the_kernel_has_them),
		cmocka_unit_test(test_a_clients_real_server_is_told_of_mh),
		cmocka_unit_test(test_a_client_that_is_not_let_in_goes_nowhere),
		cmocka_unit_test(test_what_is_not_served_is_advised_by_its_reason),
		cmocka_unit_test(test_the_status_is_compact_json_with_sorted_keys),
		cmocka_unit_test(test_what_a_program_has_yet_to_do_is_told),
		cmocka_unit_test(test_endpoints_are_counted_by_what_they_are),
		cmocka_unit_test(test_the_leader_says_what_it_assigns),
		cmocka_unit_test(test_an_address_that_it_may_not_have_is_marked),
		cmocka_unit_test(test_a_port_of_another_service_comes_with_its_holder),
		cmocka_unit_test(test_what_is_not_known_has_several_reasons),
		cmocka_unit_test(test_what_cannot_be_known_has_one),
		cmocka_unit_test(test_a_service_of_others_says_whose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
