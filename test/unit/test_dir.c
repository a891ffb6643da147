/* SPDX-License-Identifier: Apache-2.0 */
#include "source/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/loop.h"

#include "shortage.h"

enum { PATIENCE = 5 * 1000 * 1000 };

/* What the source told, as "upsert a v=1", "remove b", "problem ...", one a line. */
struct fixture {
	char *folder;
	sd_event *loop;
	sd_event_source *deadline;
	struct dir_source *source;
	char told[4096];
};

static void tell(struct fixture *f, const char *what, const char *name, const char *more)
{
	size_t len = strlen(f->told);

	snprintf(f->told + len, sizeof f->told - len, "%s %s%s\n", what, name, more);
}

static void on_upsert(void *ud, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	CLEANUP_FREE char *more =
		xasprintf(" v=%lld", json_integer_value(json_object_get(object, "v")));

	tell(ud, "upsert", json_string_value(json_object_get(meta, "name")), more);
}

static void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	assert_string_equal(kind, "Service");
	assert_string_equal(ns, "default");
	tell(ud, "remove", name, "");
}

static void on_synced(void *ud)
{
	tell(ud, "synced", "", "");
}

static void on_problem(void *ud, const char *where, const char *what)
{
	const char *slash = strrchr(where, '/');

	tell(ud, "problem", slash ? slash + 1 : where, strchr(what, ':') ? "" : what);
}

static void on_deadline(void *ud)
{
	(void)ud;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static const struct source_ops ops = {on_upsert, on_remove, on_synced, on_problem, NULL};

/* Runs the loop until `text` has been told. */
static void await(struct fixture *f, const char *text)
{
	loop_timer_arm(f->deadline, PATIENCE);
	while (!strstr(f->told, text) && loop_timer_armed(f->deadline))
		assert_true(sd_event_run(f->loop, PATIENCE) >= 0);
	if (!strstr(f->told, text))
		fail_msg("'%s' was not told, but:\n%s", text, f->told);
}

static void forget(struct fixture *f)
{
	f->told[0] = '\0';
}

static char *path_of(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->folder, name);
}

static void write_fd(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_of(f, name);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	write_fd(fd, text);
}

static void start(struct fixture *f)
{
	struct err e = {0};

	assert_int_equal(dir_source_new(&f->source, f->loop, f->folder, &ops, f, &e), 0);
}

#define OBJECT(name, v) "{kind: Service, metadata: {name: " name "}, v: " v "}\n"

static int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	char template[] = "/tmp/kago-dir-XXXXXX";
	struct err e = {0};

	*state = f;
	f->folder = xstrdup(mkdtemp(template));
	if (loop_new(&f->loop, on_stop, NULL, &e) < 0)
		return -1;
	return loop_timer_new(&f->deadline, f->loop, on_deadline, f, &e);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dir_source_free(f->source);
	sd_event_source_disable_unref(f->deadline);
	sd_event_unref(f->loop);
	nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f->folder);
	free(f);
	return 0;
}

static void test_what_is_there_comes_before_synced(void **state)
{
	struct fixture *f = *state;

	put(f, "b.yaml", OBJECT("two", "2"));
	put(f, "a.json", "{\"kind\":\"Service\",\"metadata\":{\"name\":\"one\"},\"v\":1}");
	put(f, "ignored.txt", "x: [");
	start(f);
	assert_non_null(strstr(f->told, "upsert one v=1\n"));
	assert_non_null(strstr(f->told, "upsert two v=2\n"));
	assert_string_equal(f->told + strlen(f->told) - strlen("synced \n"), "synced \n");
	assert_null(strstr(f->told, "problem"));
}

static void test_writing_renaming_and_deleting_are_followed(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = path_of(f, "a.yaml"), *tmp = path_of(f, ".a.tmp");

	start(f);
	put(f, "a.yaml", OBJECT("one", "1") "---\n" OBJECT("two", "1"));
	await(f, "upsert two v=1\n");
	forget(f);
	put(f, ".a.tmp", OBJECT("one", "2"));
	assert_int_equal(rename(tmp, path), 0);
	await(f, "upsert one v=2\n");
	await(f, "remove two\n");
	forget(f);
	unlink(path);
	await(f, "remove one\n");
}

static void test_a_broken_file_keeps_what_it_had(void **state)
{
	struct fixture *f = *state;

	put(f, "a.yaml", OBJECT("one", "1"));
	start(f);
	forget(f);
	put(f, "a.yaml", "kind: [\n");
	await(f, "problem a.yaml");
	assert_null(strstr(f->told, "remove"));
	forget(f);
	put(f, "a.yaml", OBJECT("one", "3"));
	await(f, "upsert one v=3\n");
}

static void test_a_file_that_there_was_no_descriptor_for_is_read_when_there_is_one(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;

	put(f, "a.yaml", OBJECT("one", "1"));
	start(f);
	forget(f);
	put(f, "a.yaml", OBJECT("one", "2"));
	shortage_begin(&before);
	shortage_ease(); /* the folder takes it */
	await(f, "problem a.yaml");
	shortage_end(&before);
	await(f, "upsert one v=2\n");
}

static void test_a_file_that_is_being_written_is_read_when_it_is_closed(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = path_of(f, "a.yaml");
	int fd;

	put(f, "a.yaml", OBJECT("one", "1"));
	start(f);
	forget(f);
	fd = open(path, O_WRONLY | O_TRUNC);
	put(f, "b.yaml", OBJECT("other", "1"));
	await(f, "upsert other v=1\n");
	assert_null(strstr(f->told, "remove one"));
	write_fd(fd, OBJECT("one", "2"));
	close(fd);
	await(f, "upsert one v=2\n");
	assert_null(strstr(f->told, "remove one"));
}

/* As kubelet does: ..data -> ..1 is replaced by ..data -> ..2, and the files are links into it. */
static void test_a_configmap_swap_is_followed(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *one = path_of(f, "..1"), *two = path_of(f, "..2");
	CLEANUP_FREE char *data = path_of(f, "..data"), *tmp = path_of(f, "..data_tmp");
	CLEANUP_FREE char *link = path_of(f, "a.yaml");

	mkdir(one, 0755);
	mkdir(two, 0755);
	put(f, "..1/a.yaml", OBJECT("one", "1"));
	put(f, "..2/a.yaml", OBJECT("one", "2"));
	assert_int_equal(symlink("..1", data), 0);
	assert_int_equal(symlink("..data/a.yaml", link), 0);
	start(f);
	assert_non_null(strstr(f->told, "upsert one v=1\n"));
	forget(f);
	assert_int_equal(symlink("..2", tmp), 0);
	assert_int_equal(rename(tmp, data), 0);
	await(f, "upsert one v=2\n");
}

/* The kernel keeps so many; two of a kind in a row count as one. */
static uint64_t events_kept(void)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	uint64_t n;
	size_t len;

	assert_int_equal(fs_read(&text, &len, "/proc/sys/fs/inotify/max_queued_events", 32, &e), 0);
	text[strcspn(text, "\n")] = '\0';
	assert_int_equal(str_to_u64(&n, text, 1, INT32_MAX, &e), 0);
	return n;
}

static void test_what_happened_while_events_were_lost_is_found(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *one = path_of(f, "a.yaml"), *two = path_of(f, "b.yaml");

	put(f, "a.yaml", OBJECT("one", "1"));
	put(f, "b.yaml", OBJECT("two", "1"));
	start(f);
	for (uint64_t i = events_kept(); i > 0; i--)
		assert_int_equal(chmod(i % 2 ? one : two, 0644), 0);
	put(f, "c.yaml", OBJECT("three", "1"));
	unlink(two);
	await(f, "remove two\n");
	await(f, "upsert three v=1\n");
}

static void test_an_object_in_two_files_comes_from_the_first(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = path_of(f, "a.yaml");

	put(f, "a.yaml", OBJECT("one", "1"));
	put(f, "b.yaml", OBJECT("one", "2"));
	start(f);
	assert_non_null(strstr(f->told, "upsert one v=1\n"));
	assert_null(strstr(f->told, "upsert one v=2\n"));
	assert_non_null(strstr(
		f->told, "problem b.yamlService default/one is in a.yaml as well, which counts\n"));
	forget(f);
	unlink(path);
	await(f, "upsert one v=2\n");
	assert_null(strstr(f->told, "remove"));
}

static void test_a_folder_that_vanishes_takes_nothing_with_it(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *away = xasprintf("%s.away", f->folder);

	put(f, "a.yaml", OBJECT("one", "1"));
	start(f);
	forget(f);
	assert_int_equal(rename(f->folder, away), 0);
	await(f, "problem kago-dir-");
	assert_null(strstr(f->told, "remove"));
	forget(f);
	assert_int_equal(rename(away, f->folder), 0);
	put(f, "a.yaml", OBJECT("one", "2"));
	await(f, "upsert one v=2\n");
}

static void test_no_folder_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};

	assert_int_equal(dir_source_new(&f->source, f->loop, "/nonexistent", &ops, f, &e), -ENOENT);
	assert_string_equal(e.msg, "watching /nonexistent: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_there_comes_before_synced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_writing_renaming_and_deleting_are_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_broken_file_keeps_what_it_had, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_there_was_no_descriptor_for_is_read_when_there_is_one,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_is_being_written_is_read_when_it_is_closed, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_a_configmap_swap_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_happened_while_events_were_lost_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_an_object_in_two_files_comes_from_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_that_vanishes_takes_nothing_with_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_folder_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
