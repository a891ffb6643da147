/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doc/yaml.h"
#include "doc/yaml_marks.h"

struct example {
	const char *text, *expected; /* JSON, or the error's message */
};

#define N(array) (sizeof(array) / sizeof(array)[0])

static void check_parsed(const struct example *x)
{
	json_auto_t *documents = NULL;
	CLEANUP_FREE char *got = NULL;
	struct err e = {0};

	if (yaml_parse(&documents, x->text, strlen(x->text), &e) < 0)
		fail_msg("%s\n%s", x->text, e.msg);
	got = json_dumps(documents, JSON_COMPACT | JSON_SORT_KEYS);
	if (strcmp(got, x->expected) != 0)
		fail_msg("%s\ngives %s\ninstead of %s", x->text, got, x->expected);
}

static void check_refused(const struct example *x)
{
	json_t *documents = NULL;
	struct err e = {0};

	assert_int_equal(yaml_parse(&documents, x->text, strlen(x->text), &e), -EINVAL);
	assert_string_equal(e.msg, x->expected);
	assert_null(documents);
}

static void test_documents(void **state)
{
	static const struct example examples[] = {
		{"", "[]"},
		{"# nothing\n", "[]"},
		{"---\n---\n# nothing\n---\nnull\n...\n", "[]"},
		{"a: 1", "[{\"a\":1}]"},
		{"\xef\xbb\xbf"
		 "a: 1\n",
			"[{\"a\":1}]"},
		{"---\na: 1\n---\nb: 2\n...\n---\n[3]\n", "[{\"a\":1},{\"b\":2},[3]]"},
		{"a: 1\r\nb: 2\r\n", "[{\"a\":1,\"b\":2}]"},
		{"%YAML 1.1\n---\na: 1\n", "[{\"a\":1}]"},
		{"{}", "[{}]"},
		{"[]", "[[]]"},
		{"text", "[\"text\"]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

static void test_plain_scalars_mean_what_kubernetes_reads(void **state)
{
	static const struct example examples[] = {
		{"[~, null, Null, NULL, nULL]", "[[null,null,null,null,\"nULL\"]]"},
		{"a:\nb: \n", "[{\"a\":null,\"b\":null}]"},
		{"[true, True, TRUE, tRUE]", "[[true,true,true,\"tRUE\"]]"},
		{"[yes, Yes, YES, on, On, ON, y, Y]",
			"[[true,true,true,true,true,true,true,true]]"},
		{"[false, no, No, NO, off, Off, OFF, n, N, nO]",
			"[[false,false,false,false,false,false,false,false,false,\"nO\"]]"},
		{"[0, 80, -1, +1, 1_000, 0x50, 0X1f, 0b11, 0o17, 017, -0x10]",
			"[[0,80,-1,1,1000,80,31,3,15,15,-16]]"},
		{"[9223372036854775807, -9223372036854775808]",
			"[[9223372036854775807,-9223372036854775808]]"},
		{"[1.5, .5, 1., -1.5e3, 1E2, 08, 1.250]", "[[1.5,0.5,1.0,-1500.0,100.0,8.0,1.25]]"},
		{"[9223372036854775808]", "[[9.2233720368547758e18]]"},
		{"[10.1.1.8, 1.2.3, 1-2, 1e, 0x, 0xg, 0b2, -, +, ., _1, e3, --1, 1h]",
			"[[\"10.1.1.8\",\"1.2.3\",\"1-2\",\"1e\",\"0x\",\"0xg\",\"0b2\",\"-\",\"+"
			"\",\".\","
			"\"_1\",\"e3\",\"--1\",\"1h\"]]"},
		{"[.inf, -.inf, .nan, 1e999, 2024-01-01, 2024-01-01T00:00:00Z, '1:30']",
			"[[\".inf\",\"-.inf\",\".nan\",\"1e999\",\"2024-01-01\","
			"\"2024-01-01T00:00:00Z\",\"1:30\"]]"},
		{"- 2001:db8::1\n- ::1\n", "[[\"2001:db8::1\",\"::1\"]]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

static void test_quoted_scalars_are_strings(void **state)
{
	static const struct example examples[] = {
		{"['80', \"80\", 'yes', 'null', '', \"\"]",
			"[[\"80\",\"80\",\"yes\",\"null\",\"\",\"\"]]"},
		{"- |\n  80\n- >-\n  80\n- !!str 80\n", "[[\"80\\n\",\"80\",\"80\"]]"},
		{"'it''s'", "[\"it's\"]"},
		{"\"\\x41 \\u00e9 \\U0001F600 \\/ \\t \\e\"",
			"[\"A \xc3\xa9 \xf0\x9f\x98\x80 / \\t \\u001B\"]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

static void test_block_scalars(void **state)
{
	static const struct example examples[] = {
		{"a: |\n  one\n   two\n\n  three\n", "[{\"a\":\"one\\n two\\n\\nthree\\n\"}]"},
		{"a: |-\n  one\n\n", "[{\"a\":\"one\"}]"},
		{"a: |+\n  one\n\nb: 1\n", "[{\"a\":\"one\\n\\n\",\"b\":1}]"},
		{"a: |2\n    one\n", "[{\"a\":\"  one\\n\"}]"},
		{"a: >\n  one\n  two\n\n  three\n", "[{\"a\":\"one two\\nthree\\n\"}]"},
		{"a: |\n  # no comment\n  {\"b\": 1}\n",
			"[{\"a\":\"# no comment\\n{\\\"b\\\": 1}\\n\"}]"},
		{"a: one\n  two\n", "[{\"a\":\"one two\"}]"},
		{"a: \"one\n  two\\\n  three\"\n", "[{\"a\":\"one twothree\"}]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

static void test_keys_are_text_as_written(void **state)
{
	static const struct example examples[] = {
		{"yes: 1\n80: 2\n'null': 3\n0x10: 4\n~: 5\n",
			"[{\"0x10\":4,\"80\":2,\"null\":3,\"yes\":1,\"~\":5}]"},
		{"kago.dev/vip: 10.1.1.8", "[{\"kago.dev/vip\":\"10.1.1.8\"}]"},
		{"? a\n: 1\n? b\n", "[{\"a\":1,\"b\":null}]"},
		{"'<<': 1", "[{\"<<\":1}]"},
		{"\"a b\": {c: d,e: [f,g]}", "[{\"a b\":{\"c\":\"d\",\"e\":[\"f\",\"g\"]}}]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

/* The forms of kubectl that are not plain "key: value". */
static void test_what_kubectl_prints(void **state)
{
	static const struct example example = {
		"apiVersion: v1\n"
		"items:\n"
		"- apiVersion: v1\n"
		"  kind: Service\n"
		"  metadata:\n"
		"    annotations:\n"
		"      kubectl.kubernetes.io/last-applied-configuration: |\n"
		"        {\"apiVersion\":\"v1\",\"kind\":\"Service\"}\n"
		"      note: 'with ''quotes'': and # signs'\n"
		"      long: a line that kubectl folds because it is too long for its taste, as "
		"it\n"
		"        says, and goes on\n"
		"    creationTimestamp: \"2024-01-01T00:00:00Z\"\n"
		"    managedFields:\n"
		"    - fieldsType: FieldsV1\n"
		"      fieldsV1:\n"
		"        f:spec:\n"
		"          f:ports:\n"
		"            .: {}\n"
		"            k:{\"port\":85,\"protocol\":\"TCP\"}:\n"
		"              .: {}\n"
		"              f:port: {}\n"
		"    resourceVersion: \"8153\"\n"
		"  status:\n"
		"    loadBalancer: {}\n"
		"kind: List\n"
		"metadata:\n"
		"  resourceVersion: \"\"\n",
		"[{\"apiVersion\":\"v1\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Service\","
		"\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/"
		"last-applied-configuration\":"
		"\"{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"Service\\\"}\\n\","
		"\"long\":\"a line that kubectl folds because it is too long for its taste, as it "
		"says, "
		"and goes on\",\"note\":\"with 'quotes': and # signs\"},"
		"\"creationTimestamp\":\"2024-01-01T00:00:00Z\","
		"\"managedFields\":[{\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:"
		"ports\":"
		"{\".\":{},\"k:{\\\"port\\\":85,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:"
		"port\":{}}}"
		"}}}],\"resourceVersion\":\"8153\"},\"status\":{\"loadBalancer\":{}}}],"
		"\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"\"}}]"};

	(void)state;
	check_parsed(&example);
}

static void test_json(void **state)
{
	static const struct example examples[] = {
		{"{\"a\":\"\\ud83d\\ude00 \\/ \\u00e9 \\n\"}",
			"[{\"a\":\"\xf0\x9f\x98\x80 / \xc3\xa9 \\n\"}]"},
		{" \n[1, 1.0, true, null, \"yes\", -0]", "[[1,1.0,true,null,\"yes\",0]]"},
		{"{\"a\":1}\n---\n{\"b\":2}\n", "[{\"a\":1},{\"b\":2}]"},
		{"{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n", "[{\"a\":[1,2]}]"},
		{"{\"a\":1,}", "[{\"a\":1}]"},
		{"{a: 1}", "[{\"a\":1}]"},
		{"{\"url\":\"http://x/\",\"b\":[]}", "[{\"b\":[],\"url\":\"http://x/\"}]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

static void test_refused_texts(void **state)
{
	static const struct example examples[] = {
		{"a: *x\n", "line 1, column 4: nothing before it is named 'x'"},
		{"a: &x [*x]\n", "line 1, column 8: nothing before it is named 'x'"},
		{"a: &x 1\n---\nb: *x\n", "line 3, column 4: nothing before it is named 'x'"},
		{"a: 1\nb:\n  <<: 2\n", "line 4, column 1: only mappings can be merged"},
		{"a: 1\nb: 2\na: 3\n", "line 3, column 1: duplicate key 'a'"},
		{"{\"a\": 1, \"a\": 2}", "line 1, column 10: duplicate key 'a'"},
		{"? [a]\n: 1\n", "line 1, column 3: a key must be a string"},
		{"a: !!binary aGk=\n", "line 1, column 4: the tag 'tag:yaml.org,2002:binary' is "
				       "not supported here"},
		{"a: !x 1\n", "line 1, column 4: the tag '!x' is not supported here"},
		{"a: ! '1'\n", "line 1, column 4: the tag '!' is not supported here"},
		{"a: !!map [1]\n",
			"line 1, column 4: the tag 'tag:yaml.org,2002:map' is not supported here"},
		{"\"a\\0b\": 1", "line 1, column 1: a key with a NUL character"},
		{"{\"a\": \"\\ud83d\"}",
			"line 1, column 10: found invalid Unicode character escape code "
			"while parsing a quoted scalar"},
		{"a: b: c\n", "line 1, column 5: mapping values are not allowed in this context"},
		{"a: [1\nb: 2\n",
			"line 2, column 2: did not find expected ',' or ']' while parsing a "
			"flow sequence"},
		{"a:\n\tb: 1\n",
			"line 2, column 1: found character that cannot start any token while "
			"scanning for the next token"},
		{"a: 1\n\xc3\xa9\xc3\xa9: \xff\n", "line 2, column 5: invalid leading UTF-8 octet"},
		{"a: \x01\n", "line 1, column 4: control characters are not allowed"},
		{"a: 1\n b: 2\n",
			"line 2, column 3: mapping values are not allowed in this context"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_refused(&examples[i]);
}

static void test_aliases_and_merge_keys(void **state)
{
	static const struct example examples[] = {
		{"a: &x 1\nb: *x\n", "[{\"a\":1,\"b\":1}]"},
		{"a: &x [1, {c: &y 2}]\nb: [*x, *y]\n",
			"[{\"a\":[1,{\"c\":2}],\"b\":[[1,{\"c\":2}],2]}]"},
		{"- &x 1\n- &x 2\n- *x\n", "[[1,2,2]]"},
		{"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n",
			"[{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":1,\"c\":3}}]"},
		{"a: {c: 3, <<: [{b: 1}, {b: 2, d: 4}]}\n", "[{\"a\":{\"b\":1,\"c\":3,\"d\":4}}]"},
		{"a: {'<<': 1}\n", "[{\"a\":{\"<<\":1}}]"},
	};

	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check_parsed(&examples[i]);
}

/* Each line names ten times what the line before does: a billion values in ten lines. */
static void test_what_aliases_stand_for_has_a_limit(void **state)
{
	static const char laughs[] =
		"- &a [1,1,1,1,1,1,1,1,1,1]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		"- &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n- &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
		"- &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n- &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
		"- &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
	CLEANUP_FREE char *deep = xstrdup("- &x0 [1]\n");
	json_t *none = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(yaml_parse(&none, laughs, sizeof laughs - 1, &e), -EFBIG);
	assert_string_equal(e.msg, "line 5, column 28: aliases for more than 100000 values");
	for (unsigned i = 1; i < LIMIT_DOCUMENT_DEPTH; i++) {
		char *deeper = xasprintf("%s- &x%u [*x%u]\n", deep, i, i - 1);

		free(deep);
		deep = deeper;
	}
	assert_int_equal(yaml_parse(&none, deep, strlen(deep), &e), -EFBIG);
	assert_string_equal(e.msg, "line 64, column 9: nested deeper than 64");
}

static void test_a_byte_order_mark_tells_the_encoding(void **state)
{
	static const char little[] = "\xff\xfe"
				     "a\0:\0 \0\xe9\0\n\0";
	static const char big[] = "\xfe\xff\0a\0:\0 \0\xe9\0\n";
	const struct {
		const char *text;
		size_t len;
	} texts[] = {{little, sizeof little - 1}, {big, sizeof big - 1}};

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		json_auto_t *documents = NULL;
		CLEANUP_FREE char *got = NULL;
		struct err e = {0};

		assert_int_equal(yaml_parse(&documents, texts[i].text, texts[i].len, &e), 0);
		got = json_dumps(documents, JSON_COMPACT);
		assert_string_equal(got, "[{\"a\":\"\xc3\xa9\"}]");
	}
}

/* It is wrong in most places, which those who know what it is for say of that object alone. */
static void test_a_nul_character_is_one(void **state)
{
	static const char *const texts[] = {"a: \"x\\0y\"\n", "{\"a\": \"x\\u0000y\"}"};

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		json_auto_t *documents = NULL;
		struct err e = {0};
		const json_t *a;

		assert_int_equal(yaml_parse(&documents, texts[i], strlen(texts[i]), &e), 0);
		a = json_object_get(json_array_get(documents, 0), "a");
		assert_int_equal(json_string_length(a), 3);
	}
}

/* `n` times `open`, then n times `close`. */
static char *nested(char open, char close, size_t n)
{
	char *text = xcalloc(2 * n + 1, 1);

	memset(text, open, n);
	memset(text + n, close, n);
	return text;
}

static void test_nesting_has_a_limit(void **state)
{
	CLEANUP_FREE char *deepest = nested('[', ']', LIMIT_DOCUMENT_DEPTH);
	CLEANUP_FREE char *deeper = nested('[', ']', LIMIT_DOCUMENT_DEPTH + 1);
	CLEANUP_FREE char *as_yaml = xasprintf("--- %s", deepest);
	json_auto_t *json = NULL, *yaml = NULL, *none = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(yaml_parse(&json, deepest, strlen(deepest), &e), 0);
	assert_int_equal(yaml_parse(&yaml, as_yaml, strlen(as_yaml), &e), 0);
	assert_true(json_equal(json, yaml));
	assert_int_equal(yaml_parse(&none, deeper, strlen(deeper), &e), -EFBIG);
	assert_string_equal(e.msg, "line 1, column 65: nested deeper than 64");
	assert_null(none);
}

static void test_size_has_a_limit(void **state)
{
	size_t len = LIMIT_DOCUMENT_BYTES + 1;
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	json_t *none = NULL;
	struct err e = {0};

	(void)state;
	memset(text, ' ', len);
	assert_int_equal(yaml_parse(&none, text, len, &e), -EFBIG);
	assert_null(none);
}

static void assert_mark(struct yaml_mark at, unsigned line, unsigned column)
{
	assert_int_equal(at.line, line);
	assert_int_equal(at.column, column);
}

static void test_marks(void **state)
{
	static const char text[] = "# kago.yaml\n"
				   "fleet: edge\n"
				   "bgp:\n"
				   "  as: 65000\n"
				   "  peers:\n"
				   "  - {address: 10.0.0.1, on: true}\n";
	CLEANUP(yaml_marks_freep) struct yaml_marks *marks = NULL;
	json_auto_t *root = NULL, *other = json_string("edge");
	struct err e = {0};
	json_t *bgp, *peer;

	(void)state;
	assert_int_equal(yaml_parse_located(&root, &marks, "f", text, strlen(text), &e), 0);
	bgp = json_object_get(root, "bgp");
	peer = json_array_get(json_object_get(bgp, "peers"), 0);
	assert_mark(yaml_mark_of_key(marks, root, "fleet"), 2, 1);
	assert_mark(yaml_mark_of(marks, json_object_get(root, "fleet")), 2, 8);
	assert_mark(yaml_mark_of(marks, bgp), 4, 3);
	assert_mark(yaml_mark_of_key(marks, bgp, "as"), 4, 3);
	assert_mark(yaml_mark_of(marks, json_object_get(bgp, "as")), 4, 7);
	assert_mark(yaml_mark_of(marks, peer), 6, 5);
	assert_mark(yaml_mark_of_key(marks, peer, "on"), 6, 25);
	assert_mark(yaml_mark_of(marks, json_object_get(peer, "on")), 0, 0);
	assert_mark(yaml_mark_of_key(marks, peer, "none"), 0, 0);
	assert_mark(yaml_mark_of(marks, other), 0, 0);
	assert_mark(yaml_mark_of(marks, NULL), 0, 0);
}

static void test_located_text_holds_one_document(void **state)
{
	static const char *const empty[] = {"", "# nothing\n", "---\n", "---\n---\n"};
	struct yaml_marks *marks = NULL;
	struct err e = {0};
	json_t *root = NULL;

	(void)state;
	for (size_t i = 0; i < N(empty); i++) {
		assert_int_equal(
			yaml_parse_located(&root, &marks, "f", empty[i], strlen(empty[i]), &e), 0);
		assert_true(json_is_object(root));
		assert_int_equal(json_object_size(root), 0);
		json_decref(root);
		marks = yaml_marks_free(marks);
	}
	assert_int_equal(
		yaml_parse_located(&root, &marks, "f", "a: 1\n---\nb: 2\n", 14, &e), -EFBIG);
	assert_string_equal(e.msg, "f:2:1: more documents than 1");
	assert_null(marks);
}

static void test_located_errors_look_like_a_compilers(void **state)
{
	struct yaml_marks *marks = NULL;
	struct err e = {0};
	json_t *root = NULL;

	(void)state;
	assert_int_equal(
		yaml_parse_located(&root, &marks, "/etc/kago.yaml", "a: 1\na: 2\n", 10, &e),
		-EINVAL);
	assert_string_equal(e.msg, "/etc/kago.yaml:2:1: duplicate key 'a'");
	assert_null(root);
	assert_null(marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_plain_scalars_mean_what_kubernetes_reads),
		cmocka_unit_test(test_quoted_scalars_are_strings),
		cmocka_unit_test(test_block_scalars),
		cmocka_unit_test(test_keys_are_text_as_written),
		cmocka_unit_test(test_what_kubectl_prints),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_refused_texts),
		cmocka_unit_test(test_aliases_and_merge_keys),
		cmocka_unit_test(test_what_aliases_stand_for_has_a_limit),
		cmocka_unit_test(test_a_byte_order_mark_tells_the_encoding),
		cmocka_unit_test(test_a_nul_character_is_one),
		cmocka_unit_test(test_nesting_has_a_limit),
		cmocka_unit_test(test_size_has_a_limit),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_located_text_holds_one_document),
		cmocka_unit_test(test_located_errors_look_like_a_compilers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
