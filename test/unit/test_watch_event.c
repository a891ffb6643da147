/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "doc/jsonx.h"
#include "kube/watch_event.h"
#include "kube/watch_query.h"

static struct watch_event parse(const char *line)
{
	struct watch_event ev;
	struct err e = {0};

	if (watch_event_parse(&ev, line, strlen(line), &e) < 0)
		fail_msg("%s", e.msg);
	return ev;
}

static void test_an_added_and_a_modified_object_are_the_same_to_us(void **state)
{
	static const char *const types[] = {"ADDED", "MODIFIED"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_auto_t *line = json_pack("{s:s, s:{s:{s:s, s:s, s:s}}}", "type", types[i],
			"object", "metadata", "name", "web", "namespace", "shop", "resourceVersion",
			"12");
		char *text = json_dumps(line, 0);
		struct watch_event ev = parse(text);
		struct watch_event_id id;
		struct err e = {0};

		assert_int_equal(ev.type, WATCH_UPSERT);
		assert_string_equal(ev.version, "12");
		assert_int_equal(watch_event_identify(&id, ev.object, &e), 0);
		assert_string_equal(id.ns, "shop");
		assert_string_equal(id.name, "web");
		assert_int_equal(id.version, 12);
		watch_event_done(&ev);
		free(text);
	}
}

/* No value is made of them. */
static void test_managed_fields_are_not_read(void **state)
{
	struct watch_event ev =
		parse("{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"metadata\":{\"name\":"
		      "\"web\","
		      "\"managedFields\":[{\"fieldsV1\":{\"f:spec\":{\"]\":{}}}},{}],"
		      "\"resourceVersion\":\"12\"},\"managedFields\":[1]}}");
	const json_t *metadata = json_object_get(ev.object, "metadata");

	(void)state;
	assert_true(json_is_integer(json_object_get(metadata, "managedFields")));
	assert_string_equal(json_string_value(json_object_get(metadata, "name")), "web");
	assert_string_equal(ev.version, "12");
	assert_true(json_is_array(json_object_get(ev.object, "managedFields")));
	watch_event_done(&ev);
}

static void test_a_bookmark_may_end_a_list(void **state)
{
	struct watch_event plain = parse("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":"
					 "{\"resourceVersion\":\"7\"}}}");
	struct watch_event last = parse("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":"
					"{\"resourceVersion\":\"8\",\"annotations\":"
					"{\"k8s.io/initial-events-end\":\"true\"}}}}");

	(void)state;
	assert_int_equal(plain.type, WATCH_BOOKMARK);
	assert_false(plain.ends_list);
	assert_true(last.ends_list);
	assert_string_equal(last.version, "8");
	watch_event_done(&plain);
	watch_event_done(&last);
}

static void test_410_means_that_the_version_is_too_old(void **state)
{
	struct watch_event old = parse("{\"type\":\"ERROR\",\"object\":{\"code\":410}}");
	struct watch_event other = parse("{\"type\":\"ERROR\",\"object\":{\"code\":500}}");

	(void)state;
	assert_int_equal(old.type, WATCH_ERROR);
	assert_true(old.expired);
	assert_false(other.expired);
	watch_event_done(&old);
	watch_event_done(&other);
}

static void test_what_is_no_event_is_refused(void **state)
{
	static const char *const lines[] = {"", "{", "[]", "{}", "{\"type\":\"ADDED\"}",
		"{\"type\":\"ADDED\",\"object\":1}", "{\"type\":\"GONE\",\"object\":{}}",
		"{\"type\":1,\"object\":{}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":1}}}"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct watch_event ev;
		struct err e = {0};

		assert_int_equal(watch_event_parse(&ev, lines[i], strlen(lines[i]), &e), -EPROTO);
		assert_true(*e.msg);
	}
}

static json_t *repeated(int n, json_t *one)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		jsonx_append(list, json_deep_copy(one));
	json_decref(one);
	return list;
}

/* An EndpointSlice as large as the API server takes one, with all that an endpoint can say. */
static json_t *largest_slice(void)
{
	json_t *hints =
		json_pack("{s:o, s:o}", "forZones", repeated(8, json_pack("{s:s}", "name", "z")),
			"forNodes", repeated(8, json_pack("{s:s}", "name", "n")));
	json_t *endpoint = json_pack("{s:o, s:{s:b, s:b, s:b}, s:s, s:s, s:s,"
				     " s:{s:s, s:s, s:s, s:s}, s:o}",
		"addresses", repeated(100, json_string("172.16.0.1")), "conditions", "ready", 1,
		"serving", 1, "terminating", 0, "nodeName", "n", "zone", "z", "hostname", "h",
		"targetRef", "kind", "Pod", "namespace", "shop", "name", "web", "uid", "u", "hints",
		hints);
	json_t *port = json_pack("{s:s, s:i, s:s, s:s}", "name", "p", "port", 1, "protocol", "TCP",
		"appProtocol", "http");

	return json_pack("{s:s, s:{s:{s:s, s:s}, s:o, s:o}}", "type", "ADDED", "object", "metadata",
		"name", "web", "resourceVersion", "1", "endpoints",
		repeated(LIMIT_SLICE_ENDPOINTS, endpoint), "ports",
		repeated(LIMIT_SLICE_PORTS, port));
}

static void test_the_largest_slice_is_read(void **state)
{
	json_auto_t *line = largest_slice();
	CLEANUP_FREE char *text = json_dumps(line, JSON_COMPACT);
	struct watch_event ev = parse(text);
	struct err e = {0};

	(void)state;
	assert_int_equal(watch_event_check_size(ev.object, &e), 0);
	watch_event_done(&ev);
}

/* Each of which would take 230 bytes. */
static void test_an_object_of_too_many_values_is_not_read(void **state)
{
	enum { START_LEN = 256, ITEM_LEN = 3 };
	CLEANUP_FREE char *text = xcalloc(START_LEN + LIMIT_KUBE_OBJECT_VALUES * ITEM_LEN, 1);
	json_auto_t *items = json_array();
	size_t len = (size_t)snprintf(text, START_LEN, "{\"type\":\"ADDED\",\"object\":{\"a\":[{}");
	struct watch_event ev;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < LIMIT_KUBE_OBJECT_VALUES; i++) {
		memcpy(text + len, ",{}", ITEM_LEN);
		len += ITEM_LEN;
		jsonx_append(items, json_object());
	}
	memcpy(text + len, "]}}", ITEM_LEN);
	assert_int_equal(watch_event_parse(&ev, text, len + ITEM_LEN, &e), -EINVAL);
	assert_string_equal(e.msg, "an object with more than 400000 values is passed over");
	assert_int_equal(watch_event_check_size(items, &e), -EINVAL);
}

static void test_a_version_that_is_no_number_cannot_be_compared(void **state)
{
	json_auto_t *object =
		json_pack("{s:{s:s, s:s}}", "metadata", "name", "n", "resourceVersion", "opaque-7");
	struct watch_event_id id;
	struct err e = {0};

	(void)state;
	assert_int_equal(watch_event_identify(&id, object, &e), 0);
	assert_int_equal(id.version, 0);
	assert_string_equal(id.ns, "");
}

static void test_an_answer_that_is_no_page_is_an_error(void **state)
{
	json_auto_t *list = json_array(), *bare = json_pack("{s:[]}", "items");
	struct watch_event_page p;
	struct err e = {0};

	(void)state;
	assert_true(watch_event_page_read(&p, list, &e) < 0);
	assert_string_equal(e.msg, "the list: must be an object, not a list");
	assert_true(watch_event_page_read(&p, bare, &e) < 0);
	assert_string_equal(e.msg, "the list: metadata.resourceVersion: missing");
}

static void test_a_page_says_what_comes_next(void **state)
{
	json_auto_t *page = json_pack("{s:{s:s, s:s}, s:[{}]}", "metadata", "resourceVersion", "3",
		"continue", "abc", "items");
	json_auto_t *last = json_pack("{s:{s:s}}", "metadata", "resourceVersion", "4");
	struct watch_event_page p;
	struct err e = {0};

	(void)state;
	assert_int_equal(watch_event_page_read(&p, page, &e), 0);
	assert_string_equal(p.next, "abc");
	assert_int_equal(json_array_size(p.items), 1);
	assert_int_equal(watch_event_page_read(&p, last, &e), 0);
	assert_string_equal(p.next, "");
	assert_int_equal(json_array_size(p.items), 0);
}

static void assert_query(char *query, const char *expected)
{
	assert_string_equal(query, expected);
	free(query);
}

static void test_queries_are_escaped_and_joined(void **state)
{
	(void)state;
	assert_query(watch_query_page("/p", "", 250, ""), "/p?limit=250");
	assert_query(
		watch_query_page("/p", "s=1", 7, "a=/+"), "/p?limit=7&continue=a%3D%2F%2B&s=1");
	assert_query(watch_query_all("/p", ""), "/p");
	assert_query(watch_query_all("/p", "s=1"), "/p?s=1");
	assert_query(watch_query_resume("/p", "s=1", "12"),
		"/p?watch=true&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion=12&s=1");
	assert_query(watch_query_stream_list("/p", ""),
		"/p?watch=true&allowWatchBookmarks=true&timeoutSeconds=600&"
		"sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
}

/* The API server takes annotations with a NUL: whoever may write one must not hide all others. */
static void test_a_nul_in_an_object_is_no_fault_of_the_stream(void **state)
{
	struct watch_event ev =
		parse("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"web\","
		      "\"annotations\":{\"x\":\"a\\u0000b\"},\"resourceVersion\":\"3\"}}}");

	(void)state;
	assert_string_equal(ev.version, "3");
	watch_event_done(&ev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_added_and_a_modified_object_are_the_same_to_us),
		cmocka_unit_test(test_managed_fields_are_not_read),
		cmocka_unit_test(test_a_bookmark_may_end_a_list),
		cmocka_unit_test(test_410_means_that_the_version_is_too_old),
		cmocka_unit_test(test_what_is_no_event_is_refused),
		cmocka_unit_test(test_the_largest_slice_is_read),
		cmocka_unit_test(test_an_object_of_too_many_values_is_not_read),
		cmocka_unit_test(test_a_version_that_is_no_number_cannot_be_compared),
		cmocka_unit_test(test_a_page_says_what_comes_next),
		cmocka_unit_test(test_an_answer_that_is_no_page_is_an_error),
		cmocka_unit_test(test_queries_are_escaped_and_joined),
		cmocka_unit_test(test_a_nul_in_an_object_is_no_fault_of_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
