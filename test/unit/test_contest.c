/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"
#include "publish/contest.h"

static void expect(const char *yaml, const char *manager)
{
	json_auto_t *fields = object_of(yaml);
	const char *found = contest_find(json_object_get(fields, "managedFields"), "kago-a");

	if (manager)
		assert_string_equal(found, manager);
	else
		assert_null(found);
}

#define FIELD(manager, time, fields)                                                               \
	"- {manager: " manager ", operation: Update, time: '" time "', fieldsV1: {" fields "}}\n"
#define INGRESS "f:status: {f:loadBalancer: {f:ingress: {}}}"

static void test_the_last_other_one_that_wrote_addresses_is_found(void **state)
{
	(void)state;
	expect("managedFields:\n" FIELD("kubectl", "2026-01-03T00:00:00Z", "f:spec: {}")
			FIELD("old", "2026-01-01T00:00:00Z", INGRESS)
				FIELD("servicelb", "2026-01-02T00:00:00Z", INGRESS)
					FIELD("kago-a", "2026-01-04T00:00:00Z", INGRESS),
		"servicelb");
	expect("managedFields:\n" FIELD("kago-a", "2026-01-04T00:00:00Z", INGRESS), NULL);
	expect("managedFields: []", NULL);
	expect("other: 1", NULL);
}

static void test_a_name_is_quoted(void **state)
{
	CLEANUP_FREE char *note = contest_note("a\nb");

	(void)state;
	assert_non_null(strstr(note, "'a\\x0ab'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_other_one_that_wrote_addresses_is_found),
		cmocka_unit_test(test_a_name_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
