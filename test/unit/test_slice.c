/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/slice.h"

static struct slice *decode(const char *yaml)
{
	json_auto_t *object = object_of(yaml);
	struct slice *s = NULL;
	struct objname id;
	struct err e = {0};

	objname_init(&id, "shop", "web-1");
	if (slice_decode(&s, &id, object, &e) < 0)
		fail_msg("%s", e.msg);
	objname_done(&id);
	return s;
}

static void decode_wrong(const char *more, const char *message)
{
	CLEANUP_FREE char *yaml = xasprintf(SLICE("web-1", "web", "%s"), more);
	json_auto_t *object = object_of(yaml);
	struct slice *s = NULL;
	struct objname id;
	struct err e = {0};

	objname_init(&id, "shop", "web-1");
	assert_int_equal(slice_decode(&s, &id, object, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_null(s);
	objname_done(&id);
}

static void test_what_matters_is_kept_sorted(void **state)
{
	struct slice *s = decode(SLICE("web-1", "web",
		"addressType: IPv4\n"
		"endpoints: [{addresses: [10.0.0.9], nodeName: a}, {addresses: [10.0.0.10, x]}]\n"
		"ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]"));
	char text[IPADDR_TEXT];

	(void)state;
	assert_string_equal(s->service.ns, "shop");
	assert_string_equal(s->service.name, "web");
	assert_int_equal(s->family, AF_INET);
	assert_int_equal(s->n_endpoints, 2);
	assert_string_equal(ipaddr_format(text, &s->endpoints[0].addr), "10.0.0.9");
	assert_string_equal(ipaddr_format(text, &s->endpoints[1].addr), "10.0.0.10");
	assert_string_equal(s->endpoints[0].node, "a");
	assert_string_equal(s->endpoints[1].node, "");
	assert_int_equal(s->n_ports, 2);
	assert_string_equal(s->ports[0].name, "dns");
	assert_int_equal(s->ports[0].protocol, IPPROTO_UDP);
	assert_int_equal(s->ports[1].port, 80);
	assert_int_equal(s->ports[1].protocol, IPPROTO_TCP);
	slice_free(s);
}

/* KEP-1672: ready is true unless said, serving is as ready unless said, terminating is not. */
static enum endpoint_state expected_state(int ready, int serving, int terminating)
{
	bool is_ready = ready != 0, is_serving = serving < 0 ? is_ready : serving == 1;

	if (is_ready)
		return ENDPOINT_READY;
	return is_serving && terminating == 1 ? ENDPOINT_DRAINING : ENDPOINT_NOT_READY;
}

static enum endpoint_state state_of(int ready, int serving, int terminating)
{
	static const char *const words[] = {"null", "false", "true"};
	CLEANUP_FREE char *yaml = xasprintf(SLICE("web-1", "web",
						    "addressType: IPv4\nendpoints:\n"
						    "- addresses: [10.0.0.1]\n"
						    "  conditions: {ready: %s, serving: %s, "
						    "terminating: %s}"),
		words[ready + 1], words[serving + 1], words[terminating + 1]);
	struct slice *s = decode(yaml);
	enum endpoint_state result = s->endpoints[0].state;

	slice_free(s);
	return result;
}

static void test_conditions_are_read_as_kep_1672_says(void **state)
{
	(void)state;
	for (int ready = -1; ready <= 1; ready++)
		for (int serving = -1; serving <= 1; serving++)
			for (int terminating = -1; terminating <= 1; terminating++)
				assert_int_equal(state_of(ready, serving, terminating),
					expected_state(ready, serving, terminating));
	assert_int_equal(state_of(0, 1, 1), ENDPOINT_DRAINING);
	assert_int_equal(state_of(-1, -1, -1), ENDPOINT_READY);
	assert_int_equal(state_of(0, 0, 1), ENDPOINT_NOT_READY);
	/* publishNotReadyAddresses keeps terminating endpoints ready. */
	assert_int_equal(state_of(1, 1, 1), ENDPOINT_READY);
}

static void test_slices_of_no_use_are_none(void **state)
{
	(void)state;
	assert_null(decode("metadata: {name: a}\naddressType: IPv4"));
	assert_null(decode("metadata: {name: a, labels: {app: web}}\naddressType: IPv6"));
}

static void test_host_names_are_known_as_such(void **state)
{
	struct slice *s = decode(SLICE(
		"web-1", "web", "addressType: FQDN\nendpoints: [{addresses: [web.example.org]}]"));

	(void)state;
	assert_int_equal(s->family, 0);
	assert_int_equal(s->n_endpoints, 0);
	slice_free(s);
}

static void test_null_lists_are_empty(void **state)
{
	struct slice *s =
		decode(SLICE("web-1", "web", "addressType: IPv6\nendpoints: null\nports: null"));

	(void)state;
	assert_int_equal(s->n_endpoints, 0);
	assert_int_equal(s->n_ports, 0);
	slice_free(s);
}

/* One of two endpoints, or ports, is left out with this complaint; the other stands. */
static void expect_left_out(const char *more, const char *complaint)
{
	CLEANUP_FREE char *yaml = xasprintf(SLICE("web-1", "web", "%s"), more);
	struct slice *s = decode(yaml);

	assert_string_equal(s->complaint, complaint);
	assert_int_equal(s->n_left_out, 1);
	assert_int_equal(s->n_endpoints + s->n_ports, 1);
	slice_free(s);
}

static void expect_address_left_out(const char *endpoint, const char *complaint)
{
	CLEANUP_FREE char *more =
		xasprintf("addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}, %s]", endpoint);
	CLEANUP_FREE char *whole = xasprintf("endpoints[1]: %s", complaint);

	expect_left_out(more, whole);
}

static void test_one_odd_element_does_not_drop_the_others(void **state)
{
	(void)state;
	expect_address_left_out("{addresses: [x]}", "addresses: 'x' is not an IP address");
	expect_address_left_out("{addresses: ['fd00::1']}",
		"addresses: 'fd00::1' is not of the slice's addressType");
	expect_address_left_out(
		"{addresses: [127.0.0.1]}", "addresses: '127.0.0.1' is not a unicast address");
	expect_address_left_out(
		"{addresses: [224.0.0.1]}", "addresses: '224.0.0.1' is not a unicast address");
	expect_address_left_out("{addresses: [255.255.255.255]}",
		"addresses: '255.255.255.255' is not a unicast address");
	expect_address_left_out(
		"{addresses: [0.1.2.3]}", "addresses: '0.1.2.3' is not a unicast address");
	expect_address_left_out(
		"{addresses: []}", "addresses: must be a list of at least one string");
	expect_address_left_out("{}", "addresses: must be a list of at least one string");
	expect_address_left_out("x", "must be an object, not a string");
	expect_address_left_out("{addresses: [10.0.0.2], conditions: {ready: 'yes'}}",
		"conditions.ready: must be true or false, not a string");
	expect_left_out("addressType: IPv4\nports: [{port: 80}, {port: 70000}]",
		"ports[1]: port: 70000 is not a number from 1 to 65535");
	expect_left_out("addressType: IPv4\nports: [{port: 80}, {port: 0}]",
		"ports[1]: port: 0 is not a number from 1 to 65535");
	expect_left_out(
		"addressType: IPv4\nports: [{port: 80}, {name: x}]", "ports[1]: port: missing");
	expect_left_out("addressType: IPv4\nports: [{port: 80}, {protocol: ICMP}]",
		"ports[1]: protocol: 'ICMP' is none of TCP, UDP, SCTP");
	expect_left_out("addressType: IPv4\nports: [{port: 80}, {name: 'a b'}]",
		"ports[1]: name: 'a b' is not a DNS label (RFC 1123)");
}

static void expect_address(const char *written, const char *read)
{
	CLEANUP_FREE char *more = xasprintf(
		SLICE("web-1", "web", "addressType: IPv4\nendpoints: [{addresses: ['%s']}]"),
		written);
	struct slice *s = decode(more);
	char text[IPADDR_TEXT];

	assert_int_equal(s->n_endpoints, 1);
	assert_string_equal(ipaddr_format(text, &s->endpoints[0].addr), read);
	slice_free(s);
}

static void test_old_forms_are_read_as_kube_proxy_reads_them(void **state)
{
	(void)state;
	expect_address("010.001.02.003", "10.1.2.3");
	expect_address("10.0.0.00", "10.0.0.0");
	expect_address("::ffff:10.1.2.3", "10.1.2.3");
	expect_address("240.1.2.3", "240.1.2.3");
}

static void test_types_are_strict(void **state)
{
	(void)state;
	decode_wrong("endpoints: []", "addressType: missing");
	decode_wrong("addressType: ipv4", "addressType: 'ipv4' is none of IPv4, IPv6, FQDN");
	decode_wrong(
		"addressType: IPv4\nendpoints: {}", "endpoints: must be a list, not an object");
}

static void test_a_slice_has_at_most_1000_endpoints(void **state)
{
	json_auto_t *object = object_of(SLICE("web-1", "web", "addressType: IPv4\nendpoints: []"));
	json_auto_t *endpoint = object_of("addresses: [10.0.0.1]");
	struct slice *s = NULL;
	struct objname id;
	struct err e = {0};

	(void)state;
	objname_init(&id, "shop", "web-1");
	for (int i = 0; i < 1000; i++)
		json_array_append(json_object_get(object, "endpoints"), endpoint);
	assert_int_equal(slice_decode(&s, &id, object, &e), 0);
	slice_free(s);
	json_array_append(json_object_get(object, "endpoints"), endpoint);
	assert_int_equal(slice_decode(&s, &id, object, &e), -EINVAL);
	assert_string_equal(e.msg, "endpoints: more than 1000");
	objname_done(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_matters_is_kept_sorted),
		cmocka_unit_test(test_conditions_are_read_as_kep_1672_says),
		cmocka_unit_test(test_slices_of_no_use_are_none),
		cmocka_unit_test(test_null_lists_are_empty),
		cmocka_unit_test(test_host_names_are_known_as_such),
		cmocka_unit_test(test_one_odd_element_does_not_drop_the_others),
		cmocka_unit_test(test_old_forms_are_read_as_kube_proxy_reads_them),
		cmocka_unit_test(test_types_are_strict),
		cmocka_unit_test(test_a_slice_has_at_most_1000_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
