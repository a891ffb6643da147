/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/locals.h"

#include "objects.h"

#define TWO                                                                                        \
	SLICE("web-1", "web",                                                                      \
		"addressType: IPv4\nports: [{port: 8080}]\nendpoints:\n"                           \
		"- {addresses: [10.0.0.1], nodeName: n1}\n"                                        \
		"- {addresses: [10.0.0.2], nodeName: n2}\n"                                        \
		"- {addresses: [10.0.0.3]}\n"                                                      \
		"- {addresses: [10.0.0.4], nodeName: 7}")

static void test_endpoints_of_the_node_stay(void **state)
{
	json_auto_t *object = object_of(TWO), *before = json_deep_copy(object);
	json_auto_t *locals = locals_of(object, "n2", 0);
	json_t *endpoints = json_object_get(locals, "endpoints");

	(void)state;
	assert_int_equal(json_array_size(endpoints), 1);
	assert_true(json_equal(json_array_get(endpoints, 0),
		json_array_get(json_object_get(object, "endpoints"), 1)));
	assert_true(json_equal(json_object_get(locals, "ports"), json_object_get(object, "ports")));
	assert_true(json_equal(object, before));
}

static void test_of_a_slice_without_any_nothing_is_left(void **state)
{
	json_auto_t *object = object_of(TWO);
	json_auto_t *odd = object_of("endpoints: 7");

	(void)state;
	assert_null(locals_of(object, "n3", 0));
	assert_null(locals_of(odd, "n1", 8));
}

#define ON(node, addr, more) "- {addresses: [" addr "], nodeName: " node more "}\n"
#define TERMINATES ", conditions: {terminating: true}"

/* Those that terminate before the others, each by name. */
static void test_other_nodes_have_one_each_for_a_second_chance(void **state)
{
	json_auto_t *object = object_of(SLICE("web-1", "web",
		"addressType: IPv4\nports: [{port: 8080}]\nendpoints:\n" ON("n4", "10.0.4.1", "")
			ON("n3", "10.0.3.1", "") ON("n3", "10.0.3.2", TERMINATES) ON("n2",
				"10.0.2.1", "") ON("n1", "10.0.1.1", "") ON("n1", "10.0.1.2", "")));
	json_auto_t *locals = locals_of(object, "n1", 2), *all = locals_of(object, "n9", 8);
	static const char *const wanted[] = {"10.0.1.1", "10.0.1.2", "10.0.3.2", "10.0.2.1"};
	const json_t *endpoints = json_object_get(locals, "endpoints");

	(void)state;
	assert_int_equal(json_array_size(endpoints), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(
			json_string_value(json_array_get(
				json_object_get(json_array_get(endpoints, i), "addresses"), 0)),
			wanted[i]);
	assert_int_equal(json_array_size(json_object_get(all, "endpoints")), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints_of_the_node_stay),
		cmocka_unit_test(test_of_a_slice_without_any_nothing_is_left),
		cmocka_unit_test(test_other_nodes_have_one_each_for_a_second_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
