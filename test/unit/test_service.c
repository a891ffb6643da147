/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/service.h"

static struct service *decode(const char *yaml)
{
	json_auto_t *object = object_of(yaml);
	struct service *s;
	struct objname id;

	objname_init(&id, "shop", "web");
	service_decode(&s, &id, object);
	objname_done(&id);
	return s;
}

static struct service *decode_ports(const char *ports)
{
	CLEANUP_FREE char *yaml =
		xasprintf("metadata: {annotations: {kago.dev/vip: 10.1.1.1}}\n"
			  "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: %s}",
			ports);

	return decode(yaml);
}

static void assert_rejected(struct service *s, const char *reason, const char *message)
{
	assert_non_null(s);
	assert_int_not_equal(s->reason, REASON_NONE);
	assert_string_equal(s->message, message);
	assert_string_equal(reason_name(s->reason), reason);
	service_unref(s);
}

static void test_ports_are_decoded_with_their_defaults(void **state)
{
	struct service *s = decode_ports(
		"[{name: http, port: 80, targetPort: web}, {name: dns, port: 53, protocol: UDP, "
		"targetPort: 5353}, {name: sig, port: 3868, protocol: SCTP, nodePort: 31000}]");

	(void)state;
	assert_int_equal(s->reason, REASON_NONE);
	assert_int_equal(s->n_ports, 3);
	assert_string_equal(s->ports[0].target_name, "web");
	assert_int_equal(s->ports[0].protocol, IPPROTO_TCP);
	assert_null(s->ports[1].target_name);
	assert_int_equal(s->ports[1].target_port, 5353);
	assert_int_equal(s->ports[2].target_port, 3868);
	assert_int_equal(s->ports[2].protocol, IPPROTO_SCTP);
	assert_true(s->created == INT64_MAX);
	service_unref(s);
}

static void test_wrong_ports_are_refused(void **state)
{
	static const struct {
		const char *ports, *message;
	} cases[] = {
		{"[]", "spec.ports: there is no port to serve"},
		{"null", "spec.ports: there is no port to serve"},
		{"{}", "spec.ports: must be a list, not an object"},
		{"[80]", "spec.ports[0]: must be an object, not a whole number"},
		{"[{}]", "spec.ports[0]: port: missing"},
		{"[{port: '80'}]", "spec.ports[0]: port: must be a whole number, not a string"},
		{"[{port: 0}]", "spec.ports[0]: port: 0 is not a number from 1 to 65535"},
		{"[{port: 80, protocol: tcp}]",
			"spec.ports[0]: protocol: 'tcp' is none of TCP, UDP, SCTP"},
		{"[{port: 80, targetPort: 65536}]",
			"spec.ports[0]: targetPort: 65536 is not a number from 1 to 65535"},
		{"[{port: 80, targetPort: 'a b'}]",
			"spec.ports[0]: targetPort: 'a b' is neither a port number nor a port's "
			"name"},
		{"[{port: 80, targetPort: []}]",
			"spec.ports[0]: targetPort: must be a whole number, not a list"},
		{"[{name: a, port: 80}, {name: b, port: 80}]",
			"spec.ports[1]: port: TCP 80 is there twice"},
		{"[{port: 80}, {port: 81}]", "spec.ports[1]: name: '' is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_rejected(decode_ports(cases[i].ports), "InvalidObject", cases[i].message);
}

static struct service *decode_to_pods(const char *ports)
{
	CLEANUP_FREE char *yaml = xasprintf(
		"metadata: {annotations: {kago.dev/vip: 10.1.1.1, kago.dev/tunnel-to: "
		"pods}}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: "
		"%s}",
		ports);

	return decode(yaml);
}

/* A name may lead to the same port, SCTP has no tunnels. */
static void test_pods_that_take_tunnels_have_the_port_of_the_service(void **state)
{
	struct service *s = decode_to_pods("[{name: a, port: 80}, {name: b, port: 81, targetPort: "
					   "web}, {name: c, port: 82, targetPort: 82}, {name: d, "
					   "port: 83, targetPort: 84, protocol: SCTP}]");

	(void)state;
	assert_int_equal(s->reason, REASON_NONE);
	service_unref(s);
	assert_rejected(decode_to_pods("[{name: a, port: 80}, {name: b, port: 81, targetPort: "
				       "8081}]"),
		"InvalidSpec",
		"spec.ports[1].targetPort: is 8081, but with kago.dev/tunnel-to: pods pods have "
		"to listen on the port itself, 81");
}

static void test_one_port_number_serves_several_protocols(void **state)
{
	struct service *s =
		decode_ports("[{name: tcp, port: 53}, {name: udp, port: 53, protocol: UDP}]");

	(void)state;
	assert_int_equal(s->reason, REASON_NONE);
	service_unref(s);
}

static void test_a_service_has_at_most_1024_ports(void **state)
{
	char ports[1025 * 32] = "[";
	size_t at = 1;

	(void)state;
	for (unsigned i = 1; i <= 1025; i++)
		at += (size_t)snprintf(ports + at, sizeof ports - at, "{name: p%u, port: %u}%s", i,
			i, i < 1025 ? "," : "]");
	assert_rejected(
		decode_ports(ports), "TooLarge", "spec.ports: 1025 ports; a Service may have 1024");
}

static bool asks_for(const struct service *s, const char *fleet)
{
	return service_asks_for(s, &(struct fleet_rules){.fleet = fleet});
}

static void test_who_asks_for_no_fleet_is_none_of_ours(void **state)
{
	(void)state;
	assert_null(decode("spec: {type: ClusterIP, ports: [{port: 80}]}"));
	assert_null(decode("spec: {type: LoadBalancer, loadBalancerClass: x.dev/y}"));
	assert_null(decode("spec: {type: LoadBalancer, loadBalancerClass: kago.devil/y}"));
	assert_null(decode("metadata: {annotations: {kago.dev/vip: x}}\nspec: {ports: 7}"));
	assert_null(decode("{}"));
}

static void test_who_names_no_load_balancer_is_the_default_ones(void **state)
{
	struct service *s = decode("spec: {type: LoadBalancer, ports: [{port: 80}]}");
	const struct fleet_rules is_default = {.fleet = "a", .default_class = true};

	(void)state;
	assert_int_equal(s->reason, REASON_NONE);
	assert_true(s->unclaimed);
	assert_false(asks_for(s, "a"));
	assert_true(service_asks_for(s, &is_default));
	service_unref(s);
	/* It may be another one's, so it is not said to be no object of Kubernetes. */
	assert_rejected(decode("spec: {type: LoadBalancer}"), "InvalidSpec",
		"spec.ports: there is no port to serve");
}

static void test_who_is_meant_for_others_is_left_alone(void **state)
{
	static const char *const objects[] = {
		"metadata: {labels: {service.kubernetes.io/service-proxy-name: x}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}",
		"metadata: {labels: {service.kubernetes.io/headless: ''}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}",
		"metadata: {annotations: {kago.dev/fleet: a}}\n"
		"spec: {type: LoadBalancer, clusterIP: None, ports: [{port: 80}]}",
		"metadata: {labels: {service.kubernetes.io/headless: ''}}\n"
		"spec: {type: LoadBalancer, ports: [{port: 80}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
		assert_null(decode(objects[i]));
}

#define MARKED                                                                                     \
	"\nstatus: {loadBalancer: {ingress: [{ip: 10.1.1.1}]}, conditions: ["                      \
	"{type: kago.dev/Accepted, status: 'True'}]}"

static void test_who_left_is_known_by_its_status(void **state)
{
	const struct fleet_rules rules = {.fleet = "b"};
	const struct fleet_rules is_default = {.fleet = "b", .default_class = true};
	struct service *s = decode("spec: {type: ClusterIP}" MARKED);

	(void)state;
	assert_non_null(s);
	assert_true(service_is_left(s, &rules));
	assert_true(service_is_left(s, &is_default));
	assert_false(service_asks_for(s, &is_default));
	service_unref(s);
	s = decode("metadata: {labels: {service.kubernetes.io/service-proxy-name: x}}\n"
		   "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a}" MARKED);
	assert_true(service_is_left(s, &rules));
	service_unref(s);
	s = decode("spec: {type: LoadBalancer, ports: [{port: 80}]}" MARKED);
	assert_true(service_is_left(s, &rules));
	assert_false(service_is_left(s, &is_default));
	service_unref(s);
	s = decode("spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a}" MARKED);
	assert_false(service_is_left(s, &rules));
	service_unref(s);
}

static void test_what_the_api_server_adds_is_kept(void **state)
{
	struct service *s = decode(
		"metadata: {uid: 5ca1ab1e, resourceVersion: '42', generation: 3, annotations: "
		"{kago.dev/vip: x}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: "
		"80}]}" MARKED);

	(void)state;
	assert_string_equal(s->uid, "5ca1ab1e");
	assert_string_equal(s->resource_version, "42");
	assert_int_equal(s->generation, 3);
	assert_int_equal(s->held.n_vips, 1);
	assert_true(held_is_marked(&s->held));
	assert_rejected(s, "InvalidAnnotation", "kago.dev/vip: 'x' is not an IP address");
	s = decode("spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: "
		   "80}]}");
	assert_string_equal(s->uid, "");
	assert_string_equal(s->resource_version, "");
	assert_int_equal(s->generation, 0);
	service_unref(s);
}

static void test_class_or_annotation_asks_for_a_fleet(void **state)
{
	struct service *s = decode(
		"metadata: {annotations: {kago.dev/fleet: a, kago.dev/vip: 10.1.1.1}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}");

	(void)state;
	assert_int_equal(s->reason, REASON_NONE);
	assert_true(asks_for(s, "a"));
	assert_false(asks_for(s, "b"));
	service_unref(s);
}

static void test_who_asks_for_two_fleets_gets_none(void **state)
{
	struct service *s = decode(
		"metadata: {annotations: {kago.dev/fleet: b, kago.dev/vip: 10.1.1.1}}\n"
		"spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}");

	(void)state;
	assert_true(asks_for(s, "a"));
	assert_true(asks_for(s, "b"));
	assert_false(asks_for(s, "c"));
	assert_rejected(s, "FleetMismatch",
		"kago.dev/fleet: 'b' is not the fleet of spec.loadBalancerClass 'kago.dev/a'; "
		"remove one of them");
	s = decode("metadata: {annotations: {kago.dev/fleet: b}}\n"
		   "spec: {type: LoadBalancer, loadBalancerClass: x.dev/y, ports: [{port: 80}]}");
	assert_rejected(s, "FleetMismatch",
		"kago.dev/fleet: asks for kago, but spec.loadBalancerClass 'x.dev/y' for another "
		"load balancer; remove one of them");
}

static void test_a_fleet_that_cannot_be_read_is_told_by_all(void **state)
{
	struct service *s = decode("spec: {loadBalancerClass: kago.dev/A}");

	(void)state;
	assert_true(asks_for(s, "whichever"));
	assert_rejected(s, "InvalidObject",
		"spec.loadBalancerClass: 'A' is not the name of a fleet, a DNS label such as "
		"default");
	s = decode("metadata: {annotations: {kago.dev/fleet: 'a b'}}");
	assert_true(asks_for(s, "whichever"));
	assert_rejected(s, "InvalidAnnotation",
		"kago.dev/fleet: 'a b' is not the name of a fleet, a DNS label such as default");
	assert_rejected(decode("metadata: {annotations: [x]}"), "InvalidAnnotation",
		"metadata.annotations: must be an object, not a list");
}

static void test_only_load_balancers_are_served(void **state)
{
	(void)state;
	assert_rejected(decode("metadata: {annotations: {kago.dev/fleet: a}}\nspec: {type: "
			       "NodePort, ports: [{port: 80}]}"),
		"NotLoadBalancer",
		"spec.type: is 'NodePort'; kago serves Services of type LoadBalancer");
	assert_rejected(decode("metadata: {annotations: {kago.dev/fleet: a}}\nspec: {}"),
		"NotLoadBalancer",
		"spec.type: is 'ClusterIP'; kago serves Services of type LoadBalancer");
}

static void test_the_time_of_creation_is_a_time(void **state)
{
	(void)state;
	assert_rejected(decode("metadata: {creationTimestamp: yesterday}\nspec: {type: "
			       "LoadBalancer, loadBalancerClass: kago.dev/a, ports: [{port: 80}]}"),
		"InvalidObject",
		"metadata.creationTimestamp: 'yesterday' is not a time such as "
		"2026-01-31T08:15:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports_are_decoded_with_their_defaults),
		cmocka_unit_test(test_wrong_ports_are_refused),
		cmocka_unit_test(test_pods_that_take_tunnels_have_the_port_of_the_service),
		cmocka_unit_test(test_one_port_number_serves_several_protocols),
		cmocka_unit_test(test_a_service_has_at_most_1024_ports),
		cmocka_unit_test(test_who_asks_for_no_fleet_is_none_of_ours),
		cmocka_unit_test(test_who_names_no_load_balancer_is_the_default_ones),
		cmocka_unit_test(test_who_is_meant_for_others_is_left_alone),
		cmocka_unit_test(test_who_left_is_known_by_its_status),
		cmocka_unit_test(test_what_the_api_server_adds_is_kept),
		cmocka_unit_test(test_class_or_annotation_asks_for_a_fleet),
		cmocka_unit_test(test_who_asks_for_two_fleets_gets_none),
		cmocka_unit_test(test_a_fleet_that_cannot_be_read_is_told_by_all),
		cmocka_unit_test(test_only_load_balancers_are_served),
		cmocka_unit_test(test_the_time_of_creation_is_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
