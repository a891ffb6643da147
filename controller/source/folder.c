/* SPDX-License-Identifier: Apache-2.0 */
#include "source/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "source/manifests.h"
#include "source/origins.h"

struct folder {
	struct files *files;
	struct source_ops ops;
	void *ud;
	struct origins origins;
};

struct scan {
	struct folder *folder;
	void (*catch_up)(void *ud);
	void *ud;
	int fd;                 /* the folder, which stays the same one if another gets its path */
	struct file_list files; /* that were looked at */
};

struct folder *folder_new(struct files *files, const struct source_ops *ops, void *ud)
{
	struct folder *f = xnew0(struct folder);

	f->files = files;
	f->ops = *ops;
	f->ud = ud;
	return f;
}

struct folder *folder_free(struct folder *f)
{
	if (!f)
		return NULL;
	origins_done(&f->origins);
	free(f);
	return NULL;
}

static void tell_problem(const struct folder *f, const struct file *file, const char *what)
{
	f->ops.problem(f->ud, file->path, what);
}

/* It is tried again and again, and told once. */
static void note_failure(const struct folder *f, struct file *file, int error, const char *what)
{
	if (error != file->failed)
		tell_problem(f, file, what);
	files_set_failed(f->files, file, error);
}

static void drop_objects(struct folder *f, struct file *file)
{
	for (size_t i = 0; i < file->n_origins; i++)
		origins_drop(&f->origins, &file->origins[i]);
	free(file->origins);
	file->origins = NULL;
	file->n_origins = 0;
}

/* Consumes `objects`. */
static void take_objects(struct folder *f, struct file *file, json_t *objects)
{
	const json_t *object;
	size_t i;

	drop_objects(f, file);
	file->objects = objects;
	file->n_origins = json_array_size(objects);
	file->origins = xcalloc(file->n_origins, sizeof *file->origins);
	json_array_foreach(objects, i, object)
		origins_add(&f->origins, &file->origins[i], file->name, object);
}

static bool is_busy(const struct scan *scan, const struct file *file)
{
	scan->catch_up(scan->ud);
	return file->busy;
}

/* What fails or is being written keeps the objects it had. */
static void read_file(const struct scan *scan, struct file *file, const struct stat *now)
{
	json_auto_t *objects = NULL;
	struct err e = {0};
	int r;

	if (is_busy(scan, file))
		return;
	r = manifests_read(&objects, file->path, &e);
	if (is_busy(scan, file))
		return;
	file->tried = true;
	if (fs_may_pass(r)) {
		note_failure(scan->folder, file, -r, e.msg);
		return;
	}
	files_set_failed(scan->folder->files, file, 0);
	if (!file->touched)
		file->seen = *now;
	if (r < 0)
		tell_problem(scan->folder, file, e.msg);
	else
		take_objects(scan->folder, file, steal(objects));
}

/* A link that leads nowhere keeps the objects it had. */
static int look_up(struct stat *ret, const struct scan *scan, struct file *file)
{
	int r = fstatat(scan->fd, file->name, ret, AT_SYMLINK_NOFOLLOW);
	bool is_link = r >= 0 && S_ISLNK(ret->st_mode);

	file->gone = r < 0 && errno == ENOENT;
	if (is_link)
		r = fstatat(scan->fd, file->name, ret, 0);
	r = r < 0 ? -errno : 0;
	if (r < 0 && r != -ENOENT)
		note_failure(scan->folder, file, -r, strerror(-r));
	files_set_link(scan->folder->files, file, is_link);
	return r;
}

static bool same_content(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look_at(struct scan *scan, struct file *file)
{
	struct stat now;
	int r = look_up(&now, scan, file);

	if (!file->in_scan)
		file_list_add(&scan->files, file);
	file->in_scan = true;
	if (r == 0 && !same_content(&now, &file->seen))
		read_file(scan, file, &now);
	else if (r == 0 || r == -ENOENT)
		files_set_failed(scan->folder->files, file, 0);
	if (file->gone)
		drop_objects(scan->folder, file);
}

static int look_at_touched(struct scan *scan, struct err *e)
{
	struct file_list touched;
	int r = files_take_touched(&touched, scan->folder->files, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < touched.n_items; i++)
		look_at(scan, touched.items[i]);
	free(touched.items);
	return 0;
}

/* An object that another file gave before has to be read from the file that gives it now. */
static bool read_new_origins(struct scan *scan)
{
	struct folder *f = scan->folder;
	bool any = false;

	for (const struct object *at = f->origins.changed; at; at = at->next_changed) {
		struct file *file = at->origins ? files_find(f->files, at->origins->file) : NULL;

		if (!file || file->name == at->told || file->tried)
			continue;
		file->seen = (struct stat){0};
		look_at(scan, file);
		file->tried = true;
		any = true;
	}
	return any;
}

static void tell_removals(const struct folder *f)
{
	for (const struct object *at = f->origins.changed; at; at = at->next_changed)
		if (!at->origins && at->told)
			f->ops.remove(f->ud, at->kind, at->ns, at->name);
}

static void tell_duplicate(
	const struct folder *f, const struct file *file, const struct object *object)
{
	CLEANUP_FREE char *what = xasprintf("%s %s/%s is in %s as well, which counts", object->kind,
		object->ns, object->name, object->origins->file);

	tell_problem(f, file, what);
}

static void tell_objects(const struct folder *f, const struct file *file)
{
	const json_t *object;
	size_t i;

	json_array_foreach(file->objects, i, object) {
		if (origin_counts(&file->origins[i]))
			f->ops.upsert(f->ud, object);
		else
			tell_duplicate(f, file, file->origins[i].object);
	}
}

static void leave_file(struct folder *f, struct file *file)
{
	json_decref(file->objects);
	file->objects = NULL;
	file->in_scan = file->tried = false;
	if (file->gone && !file->touched)
		files_forget(f->files, file);
}

int folder_scan(struct folder *f, void (*catch_up)(void *ud), void *ud, struct err *e)
{
	CLEANUP_CLOSE int fd = open(f->files->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct scan scan = {.folder = f, .catch_up = catch_up, .ud = ud, .fd = fd};
	int r = fd < 0 ? err_errno(e, errno, "%s", f->files->path) : look_at_touched(&scan, e);
	bool again;

	if (r < 0)
		return r;
	do
		again = read_new_origins(&scan);
	while (again);
	tell_removals(f);
	for (size_t i = 0; i < scan.files.n_items; i++)
		tell_objects(f, scan.files.items[i]);
	origins_settle(&f->origins);
	for (size_t i = 0; i < scan.files.n_items; i++)
		leave_file(f, scan.files.items[i]);
	free(scan.files.items);
	return 0;
}
