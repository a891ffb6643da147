/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/findings.h"

static void some(struct findings *f)
{
	findings_ok(f, "ipvs", "the kernel has IPVS");
	findings_bad(f, FINDING_WARNING, "mtu", "make it larger", "eth0 has an MTU of %d", 500);
	findings_bad(f, FINDING_ERROR, "keepalived", "install it", "it is not there");
}

static void people_get_columns_with_remedies(void **state)
{
	CLEANUP_FINDINGS struct findings f = {0};
	CLEANUP_FREE char *text = NULL;

	(void)state;
	some(&f);
	text = findings_text(&f);
	assert_string_equal(text, "ok       ipvs        the kernel has IPVS\n"
				  "warning  mtu         eth0 has an MTU of 500\n"
				  "                     remedy: make it larger\n"
				  "error    keepalived  it is not there\n"
				  "                     remedy: install it\n"
				  "1 error, 1 warning\n");
}

static void programs_get_json(void **state)
{
	CLEANUP_FINDINGS struct findings f = {0};
	CLEANUP_FREE char *text = NULL;
	json_auto_t *json = NULL;

	(void)state;
	some(&f);
	json = findings_json(&f);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
		"{\"errors\":1,\"warnings\":1,\"findings\":["
		"{\"check\":\"ipvs\",\"level\":\"ok\",\"found\":\"the kernel has IPVS\"},"
		"{\"check\":\"mtu\",\"level\":\"warning\",\"found\":\"eth0 has an MTU of 500\","
		"\"remedy\":\"make it larger\"},"
		"{\"check\":\"keepalived\",\"level\":\"error\",\"found\":\"it is not there\","
		"\"remedy\":\"install it\"}]}");
}

/* What a program printed can be quoted as it is: no terminal and no reader of JSON suffers. */
static void a_finding_is_one_line_of_ascii(void **state)
{
	CLEANUP_FINDINGS struct findings f = {0};
	CLEANUP_FREE char *text = NULL;
	json_auto_t *json = NULL;

	(void)state;
	findings_ok(&f, "x", "%s", "a\nb\tc\x1b[1m\xff");
	text = findings_text(&f);
	assert_string_equal(text, "ok       x  a b c?[1m?\n0 errors, 0 warnings\n");
	json = findings_json(&f);
	assert_int_equal(json_array_size(json_object_get(json, "findings")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_get_columns_with_remedies),
		cmocka_unit_test(programs_get_json),
		cmocka_unit_test(a_finding_is_one_line_of_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
