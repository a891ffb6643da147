/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "objects/names.h"

static void decode_wrong(const char *yaml, const char *message)
{
	json_auto_t *object = object_of(yaml);
	struct objname id;
	struct err e = {0};

	assert_int_equal(objname_decode(&id, object, &e), -EINVAL);
	assert_string_equal(e.msg, message);
}

static void test_an_object_has_a_name(void **state)
{
	json_auto_t *object = object_of("metadata: {name: web.v2}");
	struct objname id;
	struct err e = {0};

	(void)state;
	assert_int_equal(objname_decode(&id, object, &e), 0);
	assert_string_equal(id.ns, "default");
	assert_string_equal(id.name, "web.v2");
	assert_memory_equal(id.ns, "default\0web.v2", id.len);
	objname_done(&id);
	decode_wrong("metadata: {}", "metadata.name: missing");
	decode_wrong("metadata: {name: Web}", "metadata.name: 'Web' is not a name (RFC 1123)");
	decode_wrong("metadata: {name: 1}", "metadata.name: must be a string, not a whole number");
	decode_wrong("metadata: {name: a, namespace: a.b}",
		"metadata.namespace: 'a.b' is not a namespace (RFC 1123)");
}

static void test_the_order_is_by_namespace_first(void **state)
{
	struct objname a, b, c;

	(void)state;
	objname_init(&a, "a", "z");
	objname_init(&b, "b", "a");
	objname_init(&c, "b", "b");
	assert_true(objname_cmp(&a, &b) < 0);
	assert_true(objname_cmp(&c, &b) > 0);
	assert_int_equal(objname_cmp(&c, &c), 0);
	objname_done(&a);
	objname_done(&b);
	objname_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_object_has_a_name),
		cmocka_unit_test(test_the_order_is_by_namespace_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
