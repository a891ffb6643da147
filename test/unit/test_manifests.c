/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/stat.h>

#include "objects.h"
#include "source/manifests.h"

/* A folder for one test, and files in it. */
static char folder[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/kago-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"a.yaml", "b.yml", "c.json", "B.yaml", ".hidden.yaml", "notes.txt", "d.yaml.bak"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, names[i]);

		remove(path);
	}
	return rmdir(folder);
}

static char *write_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void expect_objects(const char *text, const char *wanted)
{
	CLEANUP_FREE char *path = write_file("a.yaml", text);
	CLEANUP_FREE char *got = NULL;
	json_auto_t *objects = NULL;
	struct err e = {0};

	if (manifests_read(&objects, path, &e) < 0)
		fail_msg("%s", e.msg);
	got = json_dumps(objects, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(got, wanted);
}

static void test_documents_come_in_their_order(void **state)
{
	(void)state;
	expect_objects("kind: B\n---\nkind: A\n", "[{\"kind\":\"B\"},{\"kind\":\"A\"}]");
	expect_objects("", "[]");
	expect_objects("# nothing\n---\n---\nkind: A\n", "[{\"kind\":\"A\"}]");
	expect_objects("{\"kind\": \"A\"}\n", "[{\"kind\":\"A\"}]");
	expect_objects("text", "[\"text\"]");
}

static void test_lists_are_unpacked(void **state)
{
	(void)state;
	expect_objects("kind: List\nitems:\n- kind: A\n- kind: List\n  items: [{kind: B}]\n",
		"[{\"kind\":\"A\"},{\"kind\":\"B\"}]");
	expect_objects("kind: List\nitems: []\n", "[]");
	expect_objects("kind: ServiceList\napiVersion: v1\nitems: [{metadata: {}}, {kind: A}]",
		"[{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{}},{\"kind\":\"A\"}]");
}

static void expect_error(const char *text, int code, const char *wanted)
{
	CLEANUP_FREE char *path = write_file("a.yaml", text);
	CLEANUP_FREE char *full = xasprintf("%s: %s", path, wanted);
	json_t *objects = NULL;
	struct err e = {0};

	assert_int_equal(manifests_read(&objects, path, &e), -code);
	assert_string_equal(e.msg, full);
	assert_null(objects);
}

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	expect_error("kind: A\n---\nkind: List\nitems: x\n", EINVAL,
		"document 2: items: must be a list, not a string");
	expect_error("kind: A\nb: c: d\n", EINVAL,
		"line 2, column 5: mapping values are not allowed in this context");
}

static void test_a_folder_is_its_manifests_by_name(void **state)
{
	static const char *const names[] = {
		"b.yml", "c.json", "a.yaml", "B.yaml", ".hidden.yaml", "notes.txt", "d.yaml.bak"};
	static const char *const wanted[] = {"B.yaml", "a.yaml", "b.yml", "c.json"};
	struct manifest_files files;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		free(write_file(names[i], ""));
	assert_int_equal(manifests_list(&files, folder, &e), 0);
	assert_int_equal(files.n_paths, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(strrchr(files.paths[i], '/') + 1, wanted[i]);
	manifest_files_done(&files);
}

static void test_a_file_is_itself_whatever_its_name(void **state)
{
	CLEANUP_FREE char *path = write_file("notes.txt", "");
	struct manifest_files files;
	struct err e = {0};

	(void)state;
	assert_int_equal(manifests_list(&files, path, &e), 0);
	assert_int_equal(files.n_paths, 1);
	assert_string_equal(files.paths[0], path);
	manifest_files_done(&files);
}

static void test_a_missing_path_is_an_error(void **state)
{
	struct manifest_files files = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(manifests_list(&files, "/nowhere/at/all", &e), -ENOENT);
	assert_string_equal(e.msg, "/nowhere/at/all: No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_documents_come_in_their_order),
		TEST(test_lists_are_unpacked),
		TEST(test_what_is_wrong_is_told_with_its_place),
		TEST(test_a_folder_is_its_manifests_by_name),
		TEST(test_a_file_is_itself_whatever_its_name),
		TEST(test_a_missing_path_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
