/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/file_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "loop/loop.h"

#include "own_clock.h"
#include "shortage.h"

enum { PATIENCE = 20 * 1000 * 1000, MAX = 1 << 16 };

/* A mounted ConfigMap: kago.yaml -> ..data/kago.yaml, ..data -> a folder of one version. */
struct mount {
	char folder[32];
	unsigned version;
	sd_event *loop;
	struct file_watch *watch;
	char heard[256]; /* all that was told, so far */
};

static char *in(const struct mount *m, const char *name)
{
	return xasprintf("%s/%s", m->folder, name);
}

static void hear(struct mount *m, const char *text)
{
	size_t len = strlen(m->heard);

	snprintf(m->heard + len, sizeof m->heard - len, "%s;", text);
}

static void on_read(void *ud, const char *text, size_t len)
{
	assert_int_equal(strlen(text), len);
	hear(ud, text);
}

static void on_lost(void *ud, const struct err *why)
{
	hear(ud, why->code == ENOENT ? "lost" : why->code == EMFILE ? "short" : why->msg);
}

static void on_stop(void *ud)
{
	(void)ud;
}

static void write_version(struct mount *m, const char *text)
{
	CLEANUP_FREE char *name = xasprintf("..v%u", ++m->version), *folder = in(m, name);
	CLEANUP_FREE char *file = xasprintf("%s/kago.yaml", folder);
	struct err e = {0};

	assert_int_equal(fs_mkdir(folder, &e), 0);
	assert_int_equal(fs_write_atomic(file, text, strlen(text), &e), 0);
}

/* As the kubelet does it: a new folder, a symlink to it, which is renamed over the old one. */
static void mount_version(struct mount *m, const char *text)
{
	CLEANUP_FREE char *name = NULL, *temporary = in(m, "..data_tmp"), *data = in(m, "..data");

	write_version(m, text);
	name = xasprintf("..v%u", m->version);
	assert_int_equal(symlink(name, temporary), 0);
	assert_int_equal(rename(temporary, data), 0);
}

static void unmount_version(struct mount *m)
{
	CLEANUP_FREE char *data = in(m, "..data");

	assert_int_equal(unlink(data), 0);
}

static void run_until(struct mount *m, const char *heard)
{
	uint64_t end = loop_clock() + PATIENCE;

	while (strcmp(m->heard, heard) != 0) {
		if (loop_clock() >= end || strlen(m->heard) > strlen(heard))
			fail_msg("heard '%s', not '%s'", m->heard, heard);
		own_clock_pass(m->loop, 10 * 1000);
	}
}

static void run_for(struct mount *m, uint64_t usec)
{
	own_clock_pass(m->loop, usec);
}

static int set_up(void **state)
{
	static const struct file_watch_ops ops = {on_read, on_lost};
	struct mount *m = xnew0(struct mount);
	CLEANUP_FREE char *path = NULL;
	struct err e = {0};

	own_clock_begin();
	memcpy(m->folder, "/tmp/test_file_watch.XXXXXX", sizeof "/tmp/test_file_watch.XXXXXX");
	if (!mkdtemp(m->folder) || loop_new(&m->loop, on_stop, m, &e) < 0)
		return -1;
	path = in(m, "kago.yaml");
	if (symlink("..data/kago.yaml", path) < 0)
		return -1;
	mount_version(m, "one");
	*state = m;
	return file_watch_new(&m->watch, m->loop, path, MAX, &ops, m, &e);
}

static void remove_tree(struct mount *m)
{
	static const char *const links[] = {"..data", "kago.yaml"};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *path = in(m, links[i]);

		unlink(path);
	}
	for (; m->version; m->version--) {
		CLEANUP_FREE char *folder = xasprintf("%s/..v%u", m->folder, m->version);
		CLEANUP_FREE char *file = xasprintf("%s/kago.yaml", folder);

		unlink(file);
		rmdir(folder);
	}
	rmdir(m->folder);
}

static int tear_down(void **state)
{
	struct mount *m = *state;

	file_watch_free(m->watch);
	sd_event_unref(m->loop);
	remove_tree(m);
	free(m);
	return 0;
}

static void test_a_mounted_file_is_followed(void **state)
{
	struct mount *m = *state;

	run_until(m, "one;");
	mount_version(m, "two");
	run_until(m, "one;two;");
	mount_version(m, "two"); /* a change of another key of the ConfigMap */
	write_version(m, "not mounted");
	mount_version(m, "three");
	run_until(m, "one;two;three;");
}

static void test_a_file_that_vanishes_is_told_once_and_followed_again(void **state)
{
	struct mount *m = *state;

	run_until(m, "one;");
	unmount_version(m);
	run_until(m, "one;lost;");
	write_version(m, "not mounted");
	mount_version(m, "one");
	run_until(m, "one;lost;one;");
}

static void test_a_folder_that_is_made_anew_is_followed(void **state)
{
	struct mount *m = *state;
	CLEANUP_FREE char *path = in(m, "kago.yaml");
	struct err e = {0};

	run_until(m, "one;");
	remove_tree(m);
	run_until(m, "one;lost;");
	assert_int_equal(fs_mkdir(m->folder, &e), 0);
	assert_int_equal(fs_write_atomic(path, "two", 3, &e), 0);
	run_until(m, "one;lost;two;");
	assert_int_equal(fs_write_atomic(path, "three", 5, &e), 0);
	run_until(m, "one;lost;two;three;");
}

static void test_a_file_that_there_was_no_descriptor_for_is_read_when_there_is_one(void **state)
{
	struct mount *m = *state;
	struct rlimit before;

	run_until(m, "one;");
	mount_version(m, "two");
	shortage_begin(&before);
	run_until(m, "one;short;");
	/* Told once, and looked at again and again. */
	run_for(m, 2500 * 1000);
	shortage_end(&before);
	run_until(m, "one;short;two;");
}

/* The next look at what could not be read may be far away. */
static void test_a_change_is_read_at_once_whatever_could_not_be_before(void **state)
{
	struct mount *m = *state;
	struct rlimit before;
	uint64_t start;

	run_until(m, "one;");
	mount_version(m, "two");
	shortage_begin(&before);
	run_until(m, "one;short;");
	run_for(m, 3900 * 1000); /* three tries; the next one is three seconds away at least */
	shortage_end(&before);
	mount_version(m, "three");
	start = loop_clock();
	run_until(m, "one;short;three;");
	assert_true(loop_clock() - start < 2500 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_mounted_file_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_vanishes_is_told_once_and_followed_again, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_folder_that_is_made_anew_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_there_was_no_descriptor_for_is_read_when_there_is_one,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_change_is_read_at_once_whatever_could_not_be_before, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
