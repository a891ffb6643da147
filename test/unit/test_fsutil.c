/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/mem.h"

/* Each test works in a folder of its own, which is its current directory. */
static int enter_folder(void **state)
{
	char *folder = xstrdup("/tmp/test_fsutil.XXXXXX");

	*state = folder;
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int leave_folder(void **state)
{
	CLEANUP_FREE char *folder = *state;
	static const char *const made[] = {"f", "f.tmp", "d/f", "d/f.tmp"};

	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		remove(made[i]);
	rmdir("f");
	rmdir("d");
	return chdir("/") < 0 ? -1 : rmdir(folder);
}

static void assert_content(const char *path, const char *expected)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (fs_read(&text, &len, path, 1 << 20, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(text, expected);
}

static void test_an_error_of_the_file_itself_stays(void **state)
{
	(void)state;
	assert_false(fs_may_pass(-EFBIG));
	assert_false(fs_may_pass(-EINVAL));
	assert_false(fs_may_pass(-EISDIR));
	assert_false(fs_may_pass(0));
	assert_true(fs_may_pass(-EMFILE));
	assert_true(fs_may_pass(-EIO));
}

static void test_write_then_read(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(fs_write_atomic("f", "one\n", 4, &e), 0);
	assert_content("f", "one\n");
	assert_int_equal(fs_write_atomic("f", "", 0, &e), 0);
	assert_content("f", "");
	assert_int_not_equal(access("f.tmp", F_OK), 0);
}

static void test_files_of_proc_are_read_whole(void **state)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(fs_read(&text, &len, "/proc/self/status", 1 << 20, &e), 0);
	/* One of its last lines. */
	assert_non_null(strstr(text, "\nnonvoluntary_ctxt_switches:"));
	assert_int_equal(strlen(text), len);
}

static void test_a_file_may_be_as_large_as_the_limit_and_no_larger(void **state)
{
	enum { SIZE = 200 * 1024 };
	CLEANUP_FREE char *text = xcalloc(SIZE + 1, 1), *back = NULL;
	struct err e = {0};
	size_t len = 7;

	(void)state;
	memset(text, 'x', SIZE);
	assert_int_equal(fs_write_atomic("f", text, SIZE, &e), 0);
	assert_int_equal(fs_read(&back, &len, "f", SIZE - 1, &e), -EFBIG);
	assert_string_equal(e.msg, "reading f: larger than 204799 bytes");
	assert_null(back);
	assert_int_equal(len, 7);
	assert_int_equal(fs_read(&back, &len, "f", SIZE, &e), 0);
	assert_int_equal(len, SIZE);
	assert_string_equal(back, text);
}

static void test_reading_errors_name_the_path(void **state)
{
	char *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(fs_read(&text, &len, "none", 9, &e), -ENOENT);
	assert_string_equal(e.msg, "reading none: No such file or directory");
	assert_int_equal(fs_read(&text, &len, ".", 9, &e), -EISDIR);
	assert_string_equal(e.msg, "reading .: Is a directory");
	assert_null(text);
}

static void test_reading_a_fifo_does_not_hang(void **state)
{
	char *text = NULL;
	struct err e = {0};
	size_t len;

	(void)state;
	assert_int_equal(mkfifo("f", 0600), 0);
	alarm(5);
	assert_int_equal(fs_read(&text, &len, "f", 9, &e), -EINVAL);
	alarm(0);
	assert_string_equal(e.msg, "reading f: not a regular file");
}

static void test_a_failed_write_leaves_nothing_behind(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(fs_write_atomic("none/f", "x", 1, &e), -ENOENT);
	assert_string_equal(e.msg, "writing none/f: No such file or directory");
	assert_int_equal(fs_mkdir("f", &e), 0);
	assert_int_equal(fs_write_atomic("f", "x", 1, &e), -EISDIR);
	assert_int_not_equal(access("f.tmp", F_OK), 0);
}

static void test_a_file_written_has_mode_0644_whatever_the_umask(void **state)
{
	mode_t old = umask(077);
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_int_equal(fs_write_atomic("f", "x", 1, &e), 0);
	umask(old);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void test_a_stale_temporary_link_is_not_followed(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(fs_mkdir("d", &e), 0);
	assert_int_equal(symlink("d/f", "f.tmp"), 0);
	assert_int_equal(fs_write_atomic("f", "x", 1, &e), 0);
	assert_content("f", "x");
	assert_int_not_equal(access("d/f", F_OK), 0);
}

static void test_mkdir_takes_a_folder_that_exists(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(fs_mkdir("d", &e), 0);
	assert_int_equal(fs_mkdir("d", &e), 0);
	assert_int_equal(fs_write_atomic("d/f", "x", 1, &e), 0);
	assert_int_equal(fs_mkdir("d/f", &e), -ENOTDIR);
	assert_string_equal(e.msg, "creating d/f: Not a directory");
	assert_int_equal(fs_mkdir("x/y", &e), -ENOENT);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_error_of_the_file_itself_stays),
		IN_FOLDER(test_write_then_read),
		IN_FOLDER(test_files_of_proc_are_read_whole),
		IN_FOLDER(test_a_file_may_be_as_large_as_the_limit_and_no_larger),
		IN_FOLDER(test_reading_errors_name_the_path),
		IN_FOLDER(test_reading_a_fifo_does_not_hang),
		IN_FOLDER(test_a_failed_write_leaves_nothing_behind),
		IN_FOLDER(test_a_file_written_has_mode_0644_whatever_the_umask),
		IN_FOLDER(test_a_stale_temporary_link_is_not_followed),
		IN_FOLDER(test_mkdir_takes_a_folder_that_exists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
