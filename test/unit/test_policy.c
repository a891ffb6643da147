/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/policy.h"

/* A Service with these annotations and this spec. */
static json_t *service(const char *annotations, const char *spec)
{
	CLEANUP_FREE char *yaml =
		xasprintf("metadata: {annotations: {%s}}\nspec: {%s}\n", annotations, spec);

	return object_of(yaml);
}

static const struct protocols none, tcp = {.tcp = true};

static void parse(struct policy *ret, const char *annotations, const char *spec)
{
	json_auto_t *object = service(annotations, spec);
	enum reason reason;
	struct err e = {0};

	if (policy_parse(ret, &reason, object, (struct protocols){.tcp = true}, &e) < 0)
		fail_msg("%s: %s", reason_name(reason), e.msg);
}

static void expect_refused(const char *annotations, const char *spec, struct protocols has,
	const char *wanted_reason, const char *message)
{
	json_auto_t *object = service(annotations, spec);
	struct policy p = {.persistence = 7};
	enum reason reason = REASON_NONE;
	struct err e = {0};

	assert_int_equal(policy_parse(&p, &reason, object, has, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_string_equal(reason_name(reason), wanted_reason);
	assert_int_equal(p.persistence, 7);
}

static void bad_annotation(const char *annotation, const char *message)
{
	CLEANUP_FREE char *all = xasprintf("kago.dev/vip: 10.1.1.1, %s", annotation);

	expect_refused(all, "", tcp, "InvalidAnnotation", message);
}

static void test_the_defaults(void **state)
{
	struct policy p;

	(void)state;
	parse(&p, "kago.dev/vip: 10.1.1.1", "");
	assert_int_equal(p.scheduler, SCHEDULER_MH);
	assert_int_equal(p.persistence, 0);
	assert_int_equal(p.check.interval, 5000000);
	assert_int_equal(p.check.timeout, 3000000);
	assert_int_equal(p.check.port, 0);
	assert_int_equal(policy_check_type(&p, IPPROTO_TCP), CHECK_TCP);
	assert_int_equal(policy_check_type(&p, IPPROTO_UDP), CHECK_NONE);
	assert_int_equal(policy_check_type(&p, IPPROTO_SCTP), CHECK_NONE);
	policy_done(&p);
}

static void test_every_scheduler_is_known(void **state)
{
	static const char *const names[] = {"rr", "wrr", "lc", "wlc", "sh", "mh"};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		CLEANUP_FREE char *all =
			xasprintf("kago.dev/vip: 10.1.1.1, kago.dev/scheduler: %s", names[i]);
		struct policy p;

		parse(&p, all, "");
		assert_string_equal(scheduler_name(p.scheduler), names[i]);
		policy_done(&p);
	}
	bad_annotation("kago.dev/scheduler: RR",
		"kago.dev/scheduler: 'RR' is none of rr, wrr, lc, wlc, sh, mh");
	bad_annotation("kago.dev/scheduler: 'mh '",
		"kago.dev/scheduler: 'mh ' is none of rr, wrr, lc, wlc, sh, mh");
}

static void test_who_does_not_say_how_to_forward_leaves_it_to_the_fleet(void **state)
{
	struct policy p, other;

	(void)state;
	parse(&p, "kago.dev/vip: 10.1.1.1", "");
	assert_false(p.forward_is_asked);
	parse(&other, "kago.dev/vip: 10.1.1.1, kago.dev/forward: nat", "");
	assert_true(other.forward_is_asked && other.forward == FORWARD_NAT);
	assert_false(policy_equal(&p, &other));
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1, kago.dev/forward: tunnel", "");
	assert_true(p.forward_is_asked && p.forward == FORWARD_TUNNEL);
	assert_false(policy_equal(&p, &other));
	policy_done(&other);
	policy_done(&p);
	expect_refused("kago.dev/forward: tunnel", "",
		(struct protocols){.tcp = true, .sctp = true}, "InvalidAnnotation",
		"kago.dev/forward: 'tunnel' carries TCP and UDP, and this Service has an SCTP "
		"port; use nat");
	bad_annotation("kago.dev/forward: dr", "kago.dev/forward: 'dr' is none of nat, tunnel");
}

static void test_a_service_may_say_what_its_packets_are_put_into(void **state)
{
	struct policy p, other;

	(void)state;
	parse(&p, "kago.dev/vip: 10.1.1.1", "");
	assert_false(p.encapsulation_is_asked);
	parse(&other, "kago.dev/vip: 10.1.1.1, kago.dev/tunnel: ipip", "");
	assert_true(other.encapsulation_is_asked && other.encapsulation == ENCAPSULATION_IPIP);
	assert_false(policy_equal(&p, &other));
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1, kago.dev/tunnel: gue", "");
	assert_true(p.encapsulation_is_asked && p.encapsulation == ENCAPSULATION_GUE);
	assert_false(policy_equal(&p, &other));
	policy_done(&other);
	policy_done(&p);
	bad_annotation("kago.dev/tunnel: vxlan", "kago.dev/tunnel: 'vxlan' is none of ipip, gue");
	bad_annotation(
		"kago.dev/tunnel-to: hosts", "kago.dev/tunnel-to: 'hosts' is none of nodes, pods");
	bad_annotation("kago.dev/forward: nat, kago.dev/tunnel-to: pods",
		"kago.dev/tunnel-to: of no use with kago.dev/forward: nat");
	bad_annotation("kago.dev/tunnel: gue, kago.dev/forward: nat",
		"kago.dev/tunnel: of no use with kago.dev/forward: nat");
}

static void test_a_check_that_was_asked_for_is_for_every_port(void **state)
{
	struct policy p;

	(void)state;
	parse(&p,
		"kago.dev/vip: 10.1.1.1, kago.dev/health-check: http, "
		"kago.dev/health-check-path: '/a/B_1.x~%20?q=1&r=-', kago.dev/health-check-port: "
		"'81', kago.dev/health-check-interval: 1h, kago.dev/health-check-timeout: 1m",
		"");
	assert_int_equal(policy_check_type(&p, IPPROTO_TCP), CHECK_HTTP);
	assert_int_equal(policy_check_type(&p, IPPROTO_UDP), CHECK_HTTP);
	assert_string_equal(p.check.path, "/a/B_1.x~%20?q=1&r=-");
	assert_int_equal(p.check.port, 81);
	assert_true(p.check.interval == 3600000000u);
	assert_int_equal(p.check.timeout, 60000000);
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1, kago.dev/health-check: http", "");
	assert_string_equal(p.check.path, "/");
	assert_string_equal(p.check.codes, "200-399");
	policy_done(&p);
	parse(&p,
		"kago.dev/health-check: https, kago.dev/health-check-host: web.example.org, "
		"kago.dev/health-check-codes: '200, 301-302,426'",
		"");
	assert_int_equal(policy_check_type(&p, IPPROTO_TCP), CHECK_HTTPS);
	assert_string_equal(p.check.codes, "200 301-302 426");
	assert_string_equal(p.check.host, "web.example.org");
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1, kago.dev/health-check: none", "");
	assert_int_equal(policy_check_type(&p, IPPROTO_TCP), CHECK_NONE);
	policy_done(&p);
}

static void test_values_of_a_check_are_strict(void **state)
{
	(void)state;
	bad_annotation("kago.dev/health-check: ping",
		"kago.dev/health-check: 'ping' is none of none, tcp, http, https");
	bad_annotation("kago.dev/health-check-port: 81",
		"kago.dev/health-check-port: must be a string, not a whole number; put it in "
		"quotes");
	bad_annotation("kago.dev/health-check-port: '0'",
		"kago.dev/health-check-port: '0' is not a number from 1 to 65535");
	bad_annotation("kago.dev/health-check-interval: 500ms",
		"kago.dev/health-check-interval: '500ms' is not a duration from 1s to 1h");
	bad_annotation("kago.dev/health-check-interval: 1500ms",
		"kago.dev/health-check-interval: '1500ms' is not a whole number of seconds");
	bad_annotation("kago.dev/health-check-timeout: 61s",
		"kago.dev/health-check-timeout: '61s' is not a duration from 1s to 1m");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-path: x",
		"kago.dev/health-check-path: 'x' does not start with '/'");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-path: '/a b'",
		"kago.dev/health-check-path: '/a b' has other characters than "
		"A-Z a-z 0-9 / _ . ~ % ? = & -");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-codes: ok",
		"kago.dev/health-check-codes: 'ok' is not a number from 100 to 599");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-codes: 399-200",
		"kago.dev/health-check-codes: '200' is not a number from 399 to 599");
	bad_annotation("kago.dev/health-check: tcp, kago.dev/health-check-codes: '200'",
		"kago.dev/health-check-codes: only for kago.dev/health-check: http or https");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-host: 'a b'",
		"kago.dev/health-check-host: 'a b' is not a DNS name");
	bad_annotation("kago.dev/health-check: http, kago.dev/health-check-path: null",
		"kago.dev/health-check-path: '' does not start with '/'");
}

static void test_a_path_has_at_most_255_bytes(void **state)
{
	char path[300], *all;
	struct policy p;

	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[255] = '\0';
	all = xasprintf("kago.dev/vip: 10.1.1.1, kago.dev/health-check: http, "
			"kago.dev/health-check-path: %s",
		path);
	parse(&p, all, "");
	policy_done(&p);
	free(all);
	path[255] = 'a';
	path[256] = '\0';
	all = xasprintf("kago.dev/health-check: http, kago.dev/health-check-path: %s", path);
	bad_annotation(all, "kago.dev/health-check-path: longer than 255 bytes");
	free(all);
}

static void test_options_without_effect_are_refused(void **state)
{
	(void)state;
	bad_annotation("kago.dev/health-check-path: /",
		"kago.dev/health-check-path: only for kago.dev/health-check: http or https");
	bad_annotation("kago.dev/health-check: none, kago.dev/health-check-port: '81'",
		"kago.dev/health-check-port: of no use with kago.dev/health-check: none");
	expect_refused("kago.dev/vip: 10.1.1.1, kago.dev/health-check-interval: 2s", "", none,
		"InvalidAnnotation",
		"kago.dev/health-check-interval: no port of this Service is checked; set "
		"kago.dev/health-check");
}

static void test_unknown_annotations_are_refused(void **state)
{
	(void)state;
	bad_annotation("kago.dev/zone: x, kago.dev/colour: y, other.dev/vip: z",
		"'kago.dev/colour' is no annotation of kago");
	bad_annotation("kago.dev/scheduler: rr, kago.dev/vipp: x",
		"'kago.dev/vipp' is no annotation of kago; did you mean kago.dev/vip?");
	bad_annotation("kago.dev/: x", "'kago.dev/' is no annotation of kago");
	bad_annotation("\"kago.dev/\\n{\": x", "'kago.dev/\\x0a{' is no annotation of kago");
}

static void test_annotations_are_bounded(void **state)
{
	char value[1100];
	CLEANUP_FREE char *all = NULL;

	(void)state;
	memset(value, '1', sizeof value);
	value[1025] = '\0';
	all = xasprintf("kago.dev/scheduler: '%s'", value);
	bad_annotation(all, "kago.dev/scheduler: longer than 1024 bytes");
}

static void test_source_ranges_are_part_of_it(void **state)
{
	struct policy p, other;

	(void)state;
	parse(&p, "", "loadBalancerSourceRanges: [10.0.0.0/8]");
	assert_int_equal(p.sources.n_nets, 1);
	parse(&other, "", "");
	assert_false(policy_equal(&p, &other));
	policy_done(&p);
	policy_done(&other);
	expect_refused("", "loadBalancerSourceRanges: [x/8]", tcp, "InvalidSpec",
		"spec.loadBalancerSourceRanges[0]: 'x/8' is not a prefix");
}

static void test_client_affinity_is_persistence(void **state)
{
	struct policy p;

	(void)state;
	parse(&p, "kago.dev/vip: 10.1.1.1", "sessionAffinity: ClientIP");
	assert_int_equal(p.persistence, 10800);
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1",
		"sessionAffinity: ClientIP, sessionAffinityConfig: "
		"{clientIP: {timeoutSeconds: 86400}}");
	assert_int_equal(p.persistence, 86400);
	policy_done(&p);
	parse(&p, "kago.dev/vip: 10.1.1.1", "sessionAffinity: None");
	assert_int_equal(p.persistence, 0);
	policy_done(&p);
	expect_refused("kago.dev/vip: 10.1.1.1", "sessionAffinity: Cookie", tcp, "InvalidSpec",
		"spec.sessionAffinity: 'Cookie' is none of None, ClientIP");
	expect_refused("kago.dev/vip: 10.1.1.1",
		"sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: "
		"86401}}",
		tcp, "InvalidSpec",
		"spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is not a number from "
		"1 to 86400");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_defaults),
		cmocka_unit_test(test_every_scheduler_is_known),
		cmocka_unit_test(test_who_does_not_say_how_to_forward_leaves_it_to_the_fleet),
		cmocka_unit_test(test_a_service_may_say_what_its_packets_are_put_into),
		cmocka_unit_test(test_a_check_that_was_asked_for_is_for_every_port),
		cmocka_unit_test(test_values_of_a_check_are_strict),
		cmocka_unit_test(test_a_path_has_at_most_255_bytes),
		cmocka_unit_test(test_options_without_effect_are_refused),
		cmocka_unit_test(test_unknown_annotations_are_refused),
		cmocka_unit_test(test_annotations_are_bounded),
		cmocka_unit_test(test_source_ranges_are_part_of_it),
		cmocka_unit_test(test_client_affinity_is_persistence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
