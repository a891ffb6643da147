/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/permissions.h"
#include "doc/yaml.h"

/* `check` asks for what the chart grants, and for nothing else. */
#define RULES KAGO_SOURCE_DIR "/charts/kago/rbac/"

static json_t *read_rules(const char *path)
{
	CLEANUP_FREE char *text = NULL;
	json_auto_t *documents = NULL;
	struct err e = {0};
	size_t len;

	if (fs_read(&text, &len, path, LIMIT_DOCUMENT_BYTES, &e) < 0 ||
		yaml_parse(&documents, text, len, &e) < 0)
		fail_msg("%s", e.msg);
	return json_incref(json_array_get(documents, 0));
}

static bool has(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static bool grants(const json_t *rules, const struct permission *p)
{
	CLEANUP_FREE char *resource =
		xasprintf("%s%s%s", p->resource, *p->subresource ? "/" : "", p->subresource);
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
		if (has(json_object_get(rule, "apiGroups"), p->group) &&
			has(json_object_get(rule, "resources"), resource) &&
			has(json_object_get(rule, "verbs"), p->verb))
			return true;
	return false;
}

/* How many permissions the rules are. */
static size_t size_of(const json_t *rules)
{
	const json_t *rule;
	size_t i, n = 0;

	json_array_foreach(rules, i, rule)
		n += json_array_size(json_object_get(rule, "apiGroups")) *
		     json_array_size(json_object_get(rule, "resources")) *
		     json_array_size(json_object_get(rule, "verbs"));
	return n;
}

static void what_is_asked_for_is_what_the_chart_grants(void **state)
{
	json_auto_t *cluster = read_rules(RULES "cluster-rules.yaml");
	json_auto_t *leases = read_rules(RULES "lease-rules.yaml");

	(void)state;
	for (size_t i = 0; i < N_PERMISSIONS; i++) {
		const struct permission *p = &permissions()[i];

		if (!grants(p->of_leases ? leases : cluster, p))
			fail_msg("not in charts/kago/rbac: %s %s/%s", p->verb, p->resource,
				p->subresource);
	}
	assert_int_equal(size_of(cluster) + size_of(leases), N_PERMISSIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_what_the_chart_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
