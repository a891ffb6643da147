/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/objects.h"

#define WEB(vip, more)                                                                             \
	SERVICE("web", ", annotations: {kago.dev/vip: " vip more                                   \
		       "}}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, "            \
		       "ports: [{port: 80}]}")
#define POD(n, more)                                                                               \
	SLICE("web-" n, "web",                                                                     \
		"addressType: IPv4\nendpoints: [{addresses: [10.0.0." n "]" more "}]\n"            \
		"ports: [{port: 80}]")

static size_t count_reals(const struct store *s)
{
	CLEANUP(fleet_unrefp) struct fleet *f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});

	return f->n_servers ? f->servers[0]->n_reals : 0;
}

static void test_news_are_told_from_repetition(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	assert_int_equal(put_all(s, WEB("10.1.1.1", "")), STORE_CHANGED);
	assert_int_equal(put_all(s, WEB("10.1.1.1", "")), STORE_SAME);
	assert_int_equal(put_all(s, WEB("' 10.1.1.1 '", ", other: x")), STORE_SAME);
	assert_int_equal(put_all(s, WEB("10.1.1.2", "")), STORE_CHANGED);
	assert_int_equal(put_all(s, WEB("x", "")), STORE_CHANGED);
	assert_int_equal(put_all(s, WEB("x", "")), STORE_SAME);
	assert_int_equal(put_all(s, WEB("y", "")), STORE_CHANGED);
	assert_int_equal(put_all(s, POD("1", "")), STORE_CHANGED);
	assert_int_equal(
		put_all(s, POD("1", ", hostname: n, conditions: {ready: true}")), STORE_SAME);
	assert_int_equal(put_all(s, POD("1", ", nodeName: n")), STORE_CHANGED);
	assert_int_equal(put_all(s, POD("1", ", nodeName: m")), STORE_CHANGED);
	assert_int_equal(put_all(s, POD("1", ", conditions: {ready: false}")), STORE_CHANGED);
}

static void test_every_part_of_a_service_is_news(void **state)
{
	static const char *const variants[] = {
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/b, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b},\n"
		"           creationTimestamp: 2026-01-01T00:00:00Z}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80, targetPort: 81}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80, targetPort: http}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80, protocol: UDP}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80, name: a}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b}}\n"
		"spec: {type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b,\n"
		"           kago.dev/health-check: tcp}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b,\n"
		"           kago.dev/health-check-timeout: 4s}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b,\n"
		"           kago.dev/health-check: http}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/vip: 10.1.1.1, kago.dev/fleet: b,\n"
		"           kago.dev/health-check: http, kago.dev/health-check-path: /x}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}",
		"metadata: {name: web}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, annotations: {kago.dev/pool: x}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, uid: x}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, uid: x, generation: 2}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
		"metadata: {name: web, uid: x, generation: 2}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}],\n"
		"       loadBalancerSourceRanges: [10.0.0.0/8]}",
		"metadata: {name: web, uid: x, generation: 2}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}\n"
		"status: {loadBalancer: {ingress: [{ip: 10.1.1.1}]}}",
		"metadata: {name: web, uid: x, generation: 2}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}\n"
		"status: {conditions: [{type: kago.dev/Accepted, status: 'True'}]}",
	};
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
		CLEANUP_FREE char *yaml =
			xasprintf("apiVersion: v1\nkind: Service\n%s", variants[i]);

		assert_int_equal(put_all(s, yaml), STORE_CHANGED);
		assert_int_equal(put_all(s, yaml), STORE_SAME);
	}
}

/* A status is written with it, so it has to be the last one. */
static void test_the_version_is_the_last_one_though_it_is_no_news(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	const struct fleet_rules rules = {.fleet = "a"};
	CLEANUP_FREE const struct service **list = NULL;
	size_t n;

	(void)state;
	put_all(s, WEB("10.1.1.1", "}, resourceVersion: '7', x: {y: z"));
	assert_int_equal(
		put_all(s, WEB("10.1.1.1", "}, resourceVersion: '8', x: {y: z")), STORE_SAME);
	list = store_services(&n, s, &rules);
	assert_int_equal(n, 1);
	assert_string_equal(list[0]->resource_version, "8");
}

static void test_services_are_listed_in_order_by_whom_they_concern(void **state)
{
	static const char *const names[] = {"m", "c", "x", "a", "o", "b"};
	CLEANUP(store_freep) struct store *s = store_new();
	const struct fleet_rules rules = {.fleet = "a", .default_class = true};
	CLEANUP_FREE const struct service **list = NULL, **left = NULL;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		CLEANUP_FREE char *yaml = xasprintf(
			SERVICE("%s", "}\nspec: {type: LoadBalancer, ports: [{port: 80}]}"),
			names[i]);

		put_all(s, yaml);
	}
	assert_true(store_remove(s, "Service", "shop", "c"));
	put_all(s, SERVICE("o", "}\nspec: {}\nstatus: {conditions: ["
				"{type: kago.dev/Announced, status: 'True'}]}"));
	list = store_services(&n, s, &rules);
	assert_int_equal(n, 4);
	assert_string_equal(list[0]->id.name, "a");
	assert_string_equal(list[1]->id.name, "b");
	assert_string_equal(list[2]->id.name, "m");
	assert_string_equal(list[3]->id.name, "x");
	left = store_left(&n, s, &rules);
	assert_int_equal(n, 1);
	assert_string_equal(left[0]->id.name, "o");
}

static void test_what_is_none_of_ours_changes_nothing(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	assert_int_equal(put_all(s, "apiVersion: v1\nkind: Pod"), STORE_IGNORED);
	assert_int_equal(
		put_all(s, "apiVersion: serving.knative.dev/v1\nkind: Service"), STORE_IGNORED);
	assert_int_equal(put_all(s, SERVICE("web", "}\nspec: {type: ClusterIP}")), STORE_SAME);
	assert_int_equal(put_all(s, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
				    "metadata: {name: a}\naddressType: IPv4"),
		STORE_SAME);
}

#define HELD(ip, message)                                                                          \
	SERVICE("web",                                                                             \
		", uid: u}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, "            \
		"ports: [{port: 80}]}\nstatus: {loadBalancer: {ingress: [{ip: " ip "}]}, "         \
		"conditions: [{type: kago.dev/AddressAssigned, status: 'True', message: '" message \
		"'}]}")

static const char *address_of(const struct store *s)
{
	static char text[IPADDR_TEXT];
	const struct service *web = store_find(s, "shop", "web");

	return ipaddr_format(text, &web->held.vips[0]);
}

/* Whoever leads says in a condition when an address changes. */
static void test_what_others_write_over_an_address_changes_it_not(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, HELD("10.1.1.1", "x"));
	assert_int_equal(put_all(s, HELD("192.0.2.1", "x")), STORE_CHANGED);
	assert_string_equal(address_of(s), "10.1.1.1");
	assert_int_equal(put_all(s, HELD("192.0.2.1", "x")), STORE_SAME);
	assert_int_equal(put_all(s, HELD("192.0.2.2", "x")), STORE_CHANGED);
	assert_string_equal(address_of(s), "10.1.1.1");
	put_all(s, HELD("10.1.1.2", "y"));
	assert_string_equal(address_of(s), "10.1.1.2");
}

#define NAMED(name)                                                                                \
	LB("web", "10.1.1.1", ", uid: u", "{name: " name ", port: 80, targetPort: http}")
#define POD_NAMED(name)                                                                            \
	SLICE("web-1", "web",                                                                      \
		"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\n"                        \
		"ports: [{name: " name ", port: 8080}]")

/* Its slices have the new name a moment after the Service. */
static void test_a_port_has_its_former_name_for_a_while(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, NAMED("a") POD_NAMED("a"));
	assert_int_equal(count_reals(s), 1);
	assert_false(store_forget_names(s));
	put_all(s, NAMED("b"));
	put_all(s, NAMED("c"));
	assert_int_equal(count_reals(s), 1);
	assert_true(store_forget_names(s));
	assert_int_equal(count_reals(s), 0);
	put_all(s, NAMED("d") POD_NAMED("d"));
	assert_int_equal(count_reals(s), 1);
	assert_true(store_forget_names(s));
	assert_int_equal(count_reals(s), 1);
	put_wrong(s, LB("web", "10.1.1.1", ", uid: u", "{name: x, port: 80}, {name: [], port: 80}"),
		"Service shop/web: spec.ports[1]: name: must be a string, not a list");
	put_all(s, NAMED("e"));
}

static void test_leaving_kago_is_news_once(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, WEB("10.1.1.1", ""));
	assert_int_equal(put_all(s, SERVICE("web", "}\nspec: {type: ClusterIP}")), STORE_CHANGED);
	assert_int_equal(put_all(s, SERVICE("web", "}\nspec: {type: ClusterIP}")), STORE_SAME);
	assert_false(store_remove(s, "Service", "shop", "web"));
}

static void test_objects_are_removed_by_name(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, POD("1", "") WEB("10.1.1.1", "") POD("2", "") POD("3", ""));
	assert_int_equal(count_reals(s), 3);
	assert_true(store_remove(s, "EndpointSlice", "shop", "web-1"));
	assert_false(store_remove(s, "EndpointSlice", "shop", "web-1"));
	assert_int_equal(count_reals(s), 2);
	assert_false(store_remove(s, "Service", "default", "web"));
	assert_false(store_remove(s, "Pod", "shop", "web"));
	assert_true(store_remove(s, "Service", "shop", "web"));
	assert_int_equal(count_reals(s), 0);
	put_all(s, WEB("10.1.1.1", ""));
	assert_int_equal(count_reals(s), 2);
}

/* Most slices are of Services that are no load balancers, and change all the time. */
static void test_a_slice_of_an_unknown_service_is_no_news(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	const struct fleet_rules rules = {.fleet = "a"};
	CLEANUP(fleet_unrefp) struct fleet *f = fleet_next(NULL, s, &rules), *next = NULL;
	struct store_news news;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(put_all(s, POD("1", "") POD("1", ", nodeName: n")), STORE_IGNORED);
	assert_false(store_remove(s, "EndpointSlice", "shop", "web-1"));
	put_all(s, POD("1", ""));
	news = store_take_news(s);
	assert_false(news.all);
	assert_int_equal(news.n_services, 0);
	store_news_done(&news);
	put_all(s, WEB("10.1.1.1", ""));
	next = fleet_next(f, s, &rules);
	assert_int_equal(next->n_servers, 1);
	/* Of whom no endpoint may be is another matter. */
	put_all(s, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		   "metadata: {name: kubernetes, namespace: default,\n"
		   "           labels: {kubernetes.io/service-name: kubernetes}}\n"
		   "addressType: IPv4\n");
	assert_true(store_remove(s, "EndpointSlice", "default", "kubernetes"));
}

static void test_a_slice_can_go_to_another_service(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, WEB("10.1.1.1", "") POD("1", "") POD("2", ""));
	put_all(s, SLICE("web-1", "api",
			   "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: "
			   "[{port: 80}]"));
	assert_int_equal(count_reals(s), 1);
	put_all(s, POD("1", ""));
	assert_int_equal(count_reals(s), 2);
}

static void test_a_slice_that_became_wrong_stands_as_it_was(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, WEB("10.1.1.1", "") POD("1", "") POD("2", ""));
	put_wrong(s, SLICE("web-1", "web", "addressType: IPv4\nendpoints: {}"),
		"EndpointSlice shop/web-1: endpoints: must be a list, not an object");
	assert_int_equal(count_reals(s), 2);
}

static void test_a_wrong_service_stays_known(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;

	(void)state;
	put_all(s, POD("1", ""));
	put_wrong(s,
		SERVICE("web", "}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, "
			       "ports: x}"),
		"Service shop/web: spec.ports: must be a list, not a string");
	f = fleet_build(s, &(struct fleet_rules){.fleet = "a"});
	assert_int_equal(f->n_servers, 0);
	assert_int_equal(f->n_services, 1);
	assert_int_equal(f->services[0]->outcome, FLEET_REJECTED);
	assert_string_equal(f->services[0]->message, "spec.ports: must be a list, not a string");
}

static void test_a_service_that_became_malformed_stands_as_it_was(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_all(s, WEB("10.1.1.1", "") POD("1", ""));
	put_wrong(s,
		SERVICE("web", "}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, "
			       "ports: x}"),
		"Service shop/web: spec.ports: must be a list, not a string");
	assert_int_equal(count_reals(s), 1);
}

static void test_what_is_no_object_is_refused(void **state)
{
	CLEANUP(store_freep) struct store *s = store_new();

	(void)state;
	put_wrong(s, "just text", "must be an object, not a string");
	put_wrong(s, "kind: Service", "apiVersion: missing");
	put_wrong(s, "apiVersion: v1", "kind: missing");
	put_wrong(s, "apiVersion: v1\nkind: [Service]", "kind: must be a string, not a list");
	put_wrong(s, "apiVersion: v1\nkind: Service", "Service: metadata.name: missing");
	put_wrong(s, "apiVersion: v1\nkind: Service\nmetadata: x",
		"Service: metadata: must be an object, not a string");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_news_are_told_from_repetition),
		cmocka_unit_test(test_every_part_of_a_service_is_news),
		cmocka_unit_test(test_the_version_is_the_last_one_though_it_is_no_news),
		cmocka_unit_test(test_services_are_listed_in_order_by_whom_they_concern),
		cmocka_unit_test(test_what_is_none_of_ours_changes_nothing),
		cmocka_unit_test(test_what_others_write_over_an_address_changes_it_not),
		cmocka_unit_test(test_a_port_has_its_former_name_for_a_while),
		cmocka_unit_test(test_leaving_kago_is_news_once),
		cmocka_unit_test(test_objects_are_removed_by_name),
		cmocka_unit_test(test_a_slice_of_an_unknown_service_is_no_news),
		cmocka_unit_test(test_a_slice_can_go_to_another_service),
		cmocka_unit_test(test_a_slice_that_became_wrong_stands_as_it_was),
		cmocka_unit_test(test_a_wrong_service_stays_known),
		cmocka_unit_test(test_a_service_that_became_malformed_stands_as_it_was),
		cmocka_unit_test(test_what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
