/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/source_ranges.h"

#include "base/limits.h"
#include "objects.h"

/* What the spec and the annotation of a Service come to, as text. */
static void expect(const char *annotations, const char *spec, const char *wanted)
{
	CLEANUP_FREE char *yaml =
		xasprintf("metadata: {annotations: {%s}}\nspec: {%s}\n", annotations, spec);
	json_auto_t *object = object_of(yaml);
	char text[512] = "", net[IPNET_TEXT];
	struct source_ranges s = {0};
	struct err e = {0};
	size_t at = 0;

	if (source_ranges_parse(&s, object, &e) < 0) {
		assert_int_equal(e.code, EINVAL);
		assert_string_equal(e.msg, wanted);
		return;
	}
	for (size_t i = 0; i < s.n_nets; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "",
			ipnet_format(net, &s.nets[i]));
	assert_string_equal(text, wanted);
	source_ranges_done(&s);
}

static void test_nobody_is_kept_out_unless_it_is_said(void **state)
{
	(void)state;
	expect("", "", "");
	expect("", "loadBalancerSourceRanges: []", "");
	expect(SOURCES_ANNOTATION ": ''", "", "");
	expect(SOURCES_ANNOTATION ": ' '", "", "");
}

static void test_ranges_come_sorted_masked_and_none_inside_another(void **state)
{
	(void)state;
	expect("", "loadBalancerSourceRanges: ['fd00::/64', 192.168.0.0/16, ' 10.0.0.1/24 ']",
		"10.0.0.0/24 192.168.0.0/16 fd00::/64");
	expect("",
		"loadBalancerSourceRanges: [10.1.2.0/24, 10.0.0.0/8, 10.1.2.3/32, 11.0.0.0/8, "
		"10.0.0.0/8]",
		"10.0.0.0/8 11.0.0.0/8");
	expect("", "loadBalancerSourceRanges: [0.0.0.0/0, 10.0.0.0/8, '::/0', '2001:db8::/32']",
		"0.0.0.0/0 ::/0");
}

static void test_the_field_wins_over_the_annotation(void **state)
{
	(void)state;
	expect(SOURCES_ANNOTATION ": '10.0.0.0/8, 11.0.0.0/8'", "", "10.0.0.0/8 11.0.0.0/8");
	expect(SOURCES_ANNOTATION ": 10.0.0.0/8", "loadBalancerSourceRanges: [12.0.0.0/8]",
		"12.0.0.0/8");
	expect(SOURCES_ANNOTATION ": 10.0.0.0/8", "loadBalancerSourceRanges: []", "10.0.0.0/8");
}

static void test_wrong_ranges_are_refused(void **state)
{
	(void)state;
	expect("", "loadBalancerSourceRanges: 10.0.0.0/8",
		"spec.loadBalancerSourceRanges: must be a list, not a string");
	expect("", "loadBalancerSourceRanges: [7]",
		"spec.loadBalancerSourceRanges[0]: must be a string, not a whole number");
	expect("", "loadBalancerSourceRanges: [10.0.0.0/8, 10.0.0.1]",
		"spec.loadBalancerSourceRanges[1]: '10.0.0.1' is not ADDRESS/LENGTH");
	expect("", "loadBalancerSourceRanges: [10.0.0.0/33]",
		"spec.loadBalancerSourceRanges[0]: prefix length of '10.0.0.0/33': "
		"'33' is not a number from 0 to 32");
	expect(SOURCES_ANNOTATION ": '10.0.0.0/8,'", "",
		SOURCES_ANNOTATION ": '' is not ADDRESS/LENGTH");
}

static void test_ranges_are_bounded(void **state)
{
	json_auto_t *object = json_pack("{s:{s:[]}}", "spec", "loadBalancerSourceRanges");
	json_t *list = json_object_get(json_object_get(object, "spec"), "loadBalancerSourceRanges");
	struct source_ranges s = {0};
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < LIMIT_SOURCES; i++)
		json_array_append_new(list, json_sprintf("10.%u.%u.0/24", i / 256, i % 256));
	assert_int_equal(source_ranges_parse(&s, object, &e), 0);
	assert_int_equal(s.n_nets, LIMIT_SOURCES);
	source_ranges_done(&s);
	json_array_append_new(list, json_string("11.0.0.0/8"));
	assert_int_equal(source_ranges_parse(&s, object, &e), -EINVAL);
	assert_string_equal(
		e.msg, "spec.loadBalancerSourceRanges[1024]: more than 1024 source ranges");
}

static void test_they_come_by_family(void **state)
{
	json_auto_t *object = object_of(
		"spec: {loadBalancerSourceRanges: [10.0.0.0/8, 11.0.0.0/8, 'fd00::/64']}");
	struct source_ranges s = {0};
	struct err e = {0};
	struct ipnet *nets;
	size_t n;

	(void)state;
	assert_int_equal(source_ranges_parse(&s, object, &e), 0);
	nets = source_ranges_of(&n, &s, AF_INET);
	assert_int_equal(n, 2);
	assert_int_equal(ipnet_cmp(&nets[1], &s.nets[1]), 0);
	free(nets);
	nets = source_ranges_of(&n, &s, AF_INET6);
	assert_int_equal(n, 1);
	assert_int_equal(ipnet_cmp(&nets[0], &s.nets[2]), 0);
	free(nets);
	source_ranges_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_is_kept_out_unless_it_is_said),
		cmocka_unit_test(test_ranges_come_sorted_masked_and_none_inside_another),
		cmocka_unit_test(test_the_field_wins_over_the_annotation),
		cmocka_unit_test(test_wrong_ranges_are_refused),
		cmocka_unit_test(test_ranges_are_bounded),
		cmocka_unit_test(test_they_come_by_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
