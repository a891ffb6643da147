/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/conditions.h"

#include "facts.h"

/* A Service that says `text` in an annotation and everywhere in its spec, too. */
static json_t *service_that_says(const char *key, const char *text)
{
	CLEANUP_FREE char *yaml =
		xasprintf("metadata: {name: web, namespace: shop, annotations: {%s: \"%s\"}}\n"
			  "spec: {type: LoadBalancer, loadBalancerClass: kago.dev/a,\n"
			  "       loadBalancerIP: \"%s\", sessionAffinity: \"%s\",\n"
			  "       loadBalancerSourceRanges: [\"%s\"],\n"
			  "       ports: [{name: \"%s\", port: 80}]}\n",
			key, text, text, text, text, text);

	return object_of(yaml);
}

static void assert_can_be_told(const char *key, const char *text)
{
	CLEANUP(service_unrefp) struct service *service = NULL;
	json_auto_t *object = service_that_says(key, text), *document = NULL;
	struct objname id;

	objname_init(&id, "shop", "web");
	service_decode(&service, &id, object);
	assert_non_null(service);
	assert_int_not_equal(service->reason, REASON_NONE);
	document = status_document(&(struct facts){.service = service}, &modern, new_year);
	assert_non_null(said(document, CONDITION_ACCEPTED, "message"));
	objname_done(&id);
}

/* No message ends within a character, wherever that starts: it could not be written. */
static void test_whatever_users_write_can_be_told(void **state)
{
	static const char *const keys[] = {"fleet", "vip", "pool", "share", "scheduler", "forward",
		"tunnel", "tunnel-to", "health-check", "health-check-path", "health-check-port",
		"health-check-interval"};
	char text[1021] = "";

	(void)state;
	for (size_t at = 0; at < sizeof text - 3; at += 3)
		memcpy(text + at, "\xe2\x82\xac", 4); /* U+20AC */
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		CLEANUP_FREE char *key = xasprintf("kago.dev/%s", keys[i]);

		for (int before = 0; before < 3; before++) {
			CLEANUP_FREE char *shifted = xasprintf("%.*s%s", before, "ab", text);

			assert_can_be_told(key, shifted);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_users_write_can_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
