/* SPDX-License-Identifier: Apache-2.0 */
#include "source/folder.h"

#include "base/limits.h"
#include "folder_reader.h"
#include "shortage.h"

/* The file looks as it did before. */
static void rewrite(struct fixture *f)
{
	CLEANUP_FREE char *path = xasprintf("%s/a.yaml", f->path);
	CLEANUP_FREE char *text = xasprintf(SERVICE, 0, 2LL);

	write_file(path, text, f->version);
	files_touch(&f->reader->files, "a.yaml");
}

static void test_only_what_was_touched_is_read(void **state)
{
	struct fixture *f = *state;

	put_one(f, "a.yaml", 0, 1);
	put_one(f, "b.yaml", 1, 1);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->n_upserts, 2);
	put_one(f, "a.yaml", 0, 2);
	put_one(f, "b.yaml", 1, 2);
	files_touch(&f->reader->files, "a.yaml");
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 2);
	assert_int_equal(f->reader->told[1], 1);
	files_touch_all(&f->reader->files);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[1], 2);
	assert_int_equal(f->reader->n_upserts, 4);
}

static void begin_writing(struct fixture *f)
{
	files_touch(&f->reader->files, "a.yaml");
	files_set_busy(&f->reader->files, "a.yaml", true);
}

static void test_a_file_that_is_written_meanwhile_is_for_the_next_scan(void **state)
{
	struct fixture *f = *state;

	put_one(f, "a.yaml", 0, 1);
	f->meanwhile = begin_writing;
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->n_upserts, 0);
	assert_true(files_are_touched(&f->reader->files));
	f->meanwhile = NULL;
	files_set_busy(&f->reader->files, "a.yaml", false);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 1);
	assert_false(files_are_touched(&f->reader->files));
}

static void rewrite_after_reading(struct fixture *f)
{
	if (++f->n_asked == 2)
		rewrite(f);
}

static void test_a_change_that_does_not_show_is_found(void **state)
{
	struct fixture *f = *state;

	put_one(f, "a.yaml", 0, 1);
	assert_int_equal(scan(f), 0);
	rewrite(f);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 2);
	put_one(f, "a.yaml", 0, 1);
	files_touch(&f->reader->files, "a.yaml");
	f->meanwhile = rewrite_after_reading;
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 1);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 2);
}

/* b.yaml is read for what a.yaml gave, and turns out not to have any more what it gave before. */
static void test_a_file_that_changed_unseen_hands_on_what_it_gave(void **state)
{
	struct fixture *f = *state;

	put_one(f, "a.yaml", 0, 1);
	put(f->path, "b.yaml",
		"{kind: Service, metadata: {name: o0}, v: 2}\n---\n"
		"{kind: Service, metadata: {name: o1}, v: 2}\n",
		0);
	put_one(f, "c.yaml", 1, 3);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[1], 2);
	put_one(f, "b.yaml", 0, 4);
	drop(f->path, "a.yaml");
	files_touch(&f->reader->files, "a.yaml");
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 4);
	assert_int_equal(f->reader->told[1], 3);
}

static void test_a_folder_that_is_gone_leaves_what_was_touched_for_later(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *away = xasprintf("%s.away", f->path);

	put_one(f, "a.yaml", 0, 1);
	assert_int_equal(scan(f), 0);
	put_one(f, "a.yaml", 0, 2);
	files_touch(&f->reader->files, "a.yaml");
	assert_int_equal(rename(f->path, away), 0);
	assert_int_equal(scan(f), -ENOENT);
	assert_int_equal(f->reader->told[0], 1);
	assert_int_equal(rename(away, f->path), 0);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 2);
}

/* No file can be opened, once the folder is. */
static void scan_in_a_shortage(struct fixture *f)
{
	struct rlimit before;

	shortage_begin(&before);
	shortage_ease();
	assert_int_equal(scan(f), 0);
	shortage_end(&before);
}

static void test_what_could_not_be_read_is_told_once_and_can_be_read_again(void **state)
{
	struct fixture *f = *state;
	struct files *files = &f->reader->files;

	put_one(f, "a.yaml", 0, 1);
	put_one(f, "b.yaml", 1, 1);
	assert_int_equal(scan(f), 0);
	put_one(f, "a.yaml", 0, 2);
	put_one(f, "b.yaml", 1, 2);
	files_touch(files, "a.yaml");
	files_touch(files, "b.yaml");
	scan_in_a_shortage(f);
	files_touch_failed(files);
	scan_in_a_shortage(f);
	assert_int_equal(f->reader->n_problems, 2);
	assert_int_equal(files->n_failed, 2);
	assert_int_equal(f->reader->told[0], 1);
	assert_int_equal(f->reader->told[1], 1);
	drop(f->path, "b.yaml");
	files_touch_failed(files);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 2);
	assert_int_equal(f->reader->told[1], 0);
	assert_int_equal(files->n_failed, 0);
	assert_int_equal(f->reader->n_problems, 2);
}

static void test_more_names_than_files_may_be_are_looked_up_in_the_folder(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(scan(f), 0);
	for (unsigned i = 0; i < LIMIT_MANIFEST_FILES; i++) {
		CLEANUP_FREE char *name = xasprintf("%u.yaml", i);

		files_touch(&f->reader->files, name);
	}
	put_one(f, "a.yaml", 0, 1);
	files_touch(&f->reader->files, "a.yaml");
	assert_int_equal(HASH_COUNT(f->reader->files.all), LIMIT_MANIFEST_FILES);
	assert_int_equal(scan(f), 0);
	assert_int_equal(f->reader->told[0], 1);
	assert_int_equal(HASH_COUNT(f->reader->files.all), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_only_what_was_touched_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_is_written_meanwhile_is_for_the_next_scan, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_change_that_does_not_show_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_changed_unseen_hands_on_what_it_gave, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_that_is_gone_leaves_what_was_touched_for_later, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_what_could_not_be_read_is_told_once_and_can_be_read_again, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_more_names_than_files_may_be_are_looked_up_in_the_folder, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
