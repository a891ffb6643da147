/* SPDX-License-Identifier: Apache-2.0 */
#include "source/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "source/manifests.h"

void files_init(struct files *f, const char *path)
{
	*f = (struct files){.path = xstrdup(path), .touched_all = true};
}

void files_done(struct files *f)
{
	struct file *file, *next;

	HASH_ITER(hh, f->all, file, next)
		files_forget(f, file);
	free(f->touched.items);
	free(f->path);
}

struct file *files_find(struct files *f, const char *name)
{
	struct file *file;

	HASH_FIND_STR(f->all, name, file);
	return file;
}

static struct file *add_file(struct files *f, const char *name)
{
	size_t folder_len = strlen(f->path), len = strlen(name);
	struct file *file = xcalloc(1, sizeof *file + folder_len + len + 2);

	memcpy(file->path, f->path, folder_len);
	file->path[folder_len] = '/';
	memcpy(file->path + folder_len + 1, name, len);
	file->name = file->path + folder_len + 1;
	HASH_ADD_KEYPTR(hh, f->all, file->name, len, file);
	return file;
}

void files_forget(struct files *f, struct file *file)
{
	HASH_DEL(f->all, file);
	json_decref(file->objects);
	free(file->origins);
	free(file);
}

/* There is room up to the next power of two: one more at a time would copy long lists too often. */
void file_list_add(struct file_list *list, struct file *file)
{
	size_t n = list->n_items;

	if ((n & (n - 1)) == 0)
		list->items = xreallocarray(list->items, n ? 2 * n : 1, sizeof(struct file *));
	list->items[list->n_items++] = file;
}

static void touch(struct files *f, struct file *file)
{
	if (file->touched)
		return;
	file->touched = true;
	file_list_add(&f->touched, file);
}

/* More names than files may be are left to the listing, which says so if they exist. */
static void touch_manifest(struct files *f, const char *name)
{
	struct file *file = files_find(f, name);

	if (!file && HASH_COUNT(f->all) >= LIMIT_MANIFEST_FILES) {
		f->touched_all = true;
		return;
	}
	if (!file)
		file = add_file(f, name);
	/* Two changes within a tick of the clock may leave the same time. */
	file->seen = (struct stat){0};
	touch(f, file);
}

/*
 * A hidden file is somebody's temporary one. Any other name may be what links lead through, such as
 * the ..data of a mounted ConfigMap.
 */
void files_touch(struct files *f, const char *name)
{
	if (name[0] == '.' && name[1] != '.')
		return;
	f->touched_links = true;
	if (manifests_is_name(name))
		touch_manifest(f, name);
}

void files_touch_failed(struct files *f)
{
	for (struct file *file = f->n_failed ? f->all : NULL; file; file = file->hh.next)
		if (file->failed)
			touch(f, file);
}

void files_touch_all(struct files *f)
{
	f->touched_all = true;
}

bool files_are_touched(const struct files *f)
{
	return f->touched_all || f->touched_links;
}

void files_set_busy(struct files *f, const char *name, bool busy)
{
	struct file *file = files_find(f, name);

	if (file)
		file->busy = busy;
}

void files_clear_busy(struct files *f)
{
	for (struct file *file = f->all; file; file = file->hh.next)
		file->busy = false;
}

void files_set_link(struct files *f, struct file *file, bool is_link)
{
	f->n_links += is_link;
	f->n_links -= file->is_link;
	file->is_link = is_link;
}

void files_set_failed(struct files *f, struct file *file, int failed)
{
	f->n_failed += failed != 0;
	f->n_failed -= file->failed != 0;
	file->failed = failed;
}

/* All that are listed, and all that are known, some of which are gone. */
static int touch_listed(struct files *f, struct err *e)
{
	struct manifest_files list = {0};
	int r = manifests_list(&list, f->path, e);

	if (r < 0)
		return r;
	for (struct file *file = f->all; file; file = file->hh.next)
		touch(f, file);
	for (size_t i = 0; i < list.n_paths; i++) {
		const char *name = list.paths[i] + strlen(f->path) + 1;
		struct file *file = files_find(f, name);

		touch(f, file ? file : add_file(f, name));
	}
	manifest_files_done(&list);
	return 0;
}

static void touch_links(struct files *f)
{
	for (struct file *file = f->all; file; file = file->hh.next)
		if (file->is_link)
			touch(f, file);
}

static int by_name(const void *a, const void *b)
{
	const struct file *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

int files_take_touched(struct file_list *ret, struct files *f, struct err *e)
{
	int r = f->touched_all ? touch_listed(f, e) : 0;

	if (r < 0)
		return r;
	if (f->touched_links && f->n_links)
		touch_links(f);
	*ret = f->touched;
	if (ret->n_items)
		qsort(ret->items, ret->n_items, sizeof(struct file *), by_name);
	for (size_t i = 0; i < ret->n_items; i++)
		ret->items[i]->touched = false;
	f->touched = (struct file_list){0};
	f->touched_all = f->touched_links = false;
	return 0;
}
