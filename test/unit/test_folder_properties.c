/* SPDX-License-Identifier: Apache-2.0 */
#include "source/folder.h"

#include "base/fsutil.h"
#include "folder_reader.h"

enum { MANIFESTS = 6, ROUNDS = 1000, TEXT = 1024 };

/* The last two are no manifests, but links may lead to them. */
static const char *const names[NAMES] = {
	"a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml", "f.yaml", "x", "y"};

/* Numbers that look random and are the same each time. */
static unsigned dice(unsigned sides)
{
	static uint64_t seed = 20261129;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % sides;
}

/* At random: edits of a folder, of which each is told as inotify would. */

static void touch(struct fixture *f, unsigned name, bool busy)
{
	files_touch(&f->reader->files, names[name]);
	files_set_busy(&f->reader->files, names[name], busy);
	f->busy[name] = busy;
}

static void meddle(struct fixture *f)
{
	if (dice(8) == 0)
		files_touch(&f->reader->files, names[dice(NAMES)]);
}

static void write_at_random(struct fixture *f, unsigned name)
{
	char text[TEXT] = "";

	f->version++;
	for (unsigned i = dice(5); i > 0; i--) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof text - len, "---\n" SERVICE, dice(OBJECTS),
			10 * f->version + i);
	}
	put(f->path, names[name], dice(10) ? text : "kind: [\n", f->version);
	touch(f, name, dice(10) == 0);
}

static void rename_at_random(struct fixture *f, unsigned from, unsigned to)
{
	CLEANUP_FREE char *old = xasprintf("%s/%s", f->path, names[from]);
	CLEANUP_FREE char *new = xasprintf("%s/%s", f->path, names[to]);

	if (rename(old, new) < 0)
		return;
	touch(f, from, false);
	touch(f, to, false);
}

static void link_at_random(struct fixture *f, unsigned from, unsigned to)
{
	CLEANUP_FREE char *link = xasprintf("%s/%s", f->path, names[from]);

	unlink(link);
	assert_int_equal(symlink(names[to], link), 0);
	touch(f, from, false);
}

static void edit_at_random(struct fixture *f)
{
	unsigned name = dice(NAMES), other = dice(NAMES);

	switch (dice(8)) {
	case 0:
		drop(f->path, names[name]);
		touch(f, name, false);
		return;
	case 1:
		rename_at_random(f, name, other);
		return;
	case 2:
		link_at_random(f, name, other);
		return;
	default:
		write_at_random(f, name);
		return;
	}
}

/*
 * Puts into another folder what a reader should know of each file, which is what could be read of
 * it last. Returns whether that is what is there now.
 */
static bool keep_good(struct fixture *f, const char *good)
{
	bool all = true;

	for (unsigned i = 0; i < MANIFESTS; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", f->path, names[i]), *text = NULL;
		struct err e = {0};
		struct stat st;
		size_t len;

		if (lstat(path, &st) < 0)
			drop(good, names[i]);
		else if (f->busy[i] || fs_read(&text, &len, path, TEXT, &e) < 0 ||
			 strchr(text, '['))
			all = false;
		else
			put(good, names[i], text, 0);
	}
	return all;
}

/* A file that cannot be read cannot give an object that another one gave before either. */
static void assert_same(const struct reader *r, const struct reader *fresh, bool all_good)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		assert_int_equal(r->told[i] != 0, fresh->told[i] != 0);
		if (all_good)
			assert_int_equal(r->told[i], fresh->told[i]);
	}
}

static void test_any_edits_lead_to_what_a_fresh_reader_finds(void **state)
{
	struct fixture *f = *state;
	char good[] = "/tmp/kago-folder-XXXXXX";
	unsigned n_good = 0;

	assert_non_null(mkdtemp(good));
	f->meanwhile = meddle;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct reader *fresh = reader_new(good);
		struct err e = {0};
		bool all_good;

		for (unsigned i = dice(4); i > 0; i--)
			edit_at_random(f);
		do
			assert_int_equal(scan(f), 0);
		while (files_are_touched(&f->reader->files));
		all_good = keep_good(f, good);
		n_good += all_good;
		assert_int_equal(folder_scan(fresh->folder, catch_up, f, &e), 0);
		assert_same(f->reader, fresh, all_good);
		reader_free(fresh);
	}
	assert_true(n_good > ROUNDS / 10);
	nftw(good, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_any_edits_lead_to_what_a_fresh_reader_finds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
