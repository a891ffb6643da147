/* SPDX-License-Identifier: Apache-2.0 */
#include "source/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "source/manifests.h"

/* "KIND\0NAMESPACE\0NAME\0" */
struct object_key {
	char *text;
	size_t len;
};

struct file {
	char *path;
	struct stat seen; /* when it was last read */
	struct object_key *keys;
	size_t n_keys;   /* as many as it has objects, in their order */
	json_t *objects; /* while the scan that read it goes on */
	bool wanted;     /* keys that were another file's now come from this one: read it */
};

/* Which file an object comes from: the first by name that has it. */
struct owner {
	UT_hash_handle hh;
	struct file *file;
	size_t index; /* of the object in the file */
	size_t len;
	char key[];
};

struct folder {
	char *path;
	struct file **files; /* sorted */
	size_t n_files;
	struct owner *owners;
};

/* What a scan needs of its caller. */
struct scan {
	const struct folder_hints *hints;
	const struct source_ops *ops;
	void *ud;
};

static void clear_keys(struct file *file)
{
	for (size_t i = 0; i < file->n_keys; i++)
		free(file->keys[i].text);
	free(file->keys);
	file->keys = NULL;
	file->n_keys = 0;
}

static void file_free(struct file *file)
{
	clear_keys(file);
	json_decref(file->objects);
	free(file->path);
	free(file);
}

static void owners_free(struct owner *owners)
{
	struct owner *at, *next;

	HASH_ITER(hh, owners, at, next) {
		HASH_DEL(owners, at);
		free(at);
	}
}

static void files_free(struct file **files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (files[i])
			file_free(files[i]);
	free(files);
}

struct folder *folder_new(const char *path)
{
	struct folder *f = xnew0(struct folder);

	f->path = xstrdup(path);
	return f;
}

struct folder *folder_free(struct folder *f)
{
	if (!f)
		return NULL;
	owners_free(f->owners);
	files_free(f->files, f->n_files);
	free(f->path);
	free(f);
	return NULL;
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

/* Objects without a kind or a name get a key too, so that the store can say what is wrong. */
static struct object_key key_of(const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	const char *kind = text_of(object, "kind", ""), *name = text_of(meta, "name", "");
	const char *ns = text_of(meta, "namespace", "default");
	struct object_key key = {.len = strlen(kind) + strlen(ns) + strlen(name) + 3};

	key.text = xasprintf("%s%c%s%c%s", kind, '\0', ns, '\0', name);
	return key;
}

static void take_keys(struct file *file)
{
	const json_t *object;
	size_t i;

	clear_keys(file);
	file->n_keys = json_array_size(file->objects);
	file->keys = xcalloc(file->n_keys, sizeof *file->keys);
	json_array_foreach(file->objects, i, object)
		file->keys[i] = key_of(object);
}

static bool same_content(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Reads a file; what fails or is being written keeps the keys it had. */
static void read_file(struct file *file, const struct stat *now, const struct scan *scan)
{
	json_t *objects = NULL;
	struct err e = {0};

	if (scan->hints->is_busy(scan->ud, base_name(file->path)))
		return;
	if (manifests_read(&objects, file->path, &e) < 0) {
		if (!scan->hints->is_busy(scan->ud, base_name(file->path))) {
			file->seen = *now;
			scan->ops->problem(scan->ud, file->path, e.msg);
		}
		return;
	}
	if (scan->hints->is_busy(scan->ud, base_name(file->path))) {
		json_decref(objects);
		return;
	}
	json_decref(file->objects);
	file->objects = objects;
	file->seen = *now;
	take_keys(file);
}

static void look_at(struct file *file, const struct scan *scan)
{
	struct stat now;

	if (file->seen.st_ino && !scan->hints->is_touched(scan->ud, base_name(file->path)))
		return;
	if (stat(file->path, &now) < 0) {
		/* Gone since the folder was listed; the next event brings the next scan. */
		if (errno != ENOENT)
			scan->ops->problem(scan->ud, file->path, strerror(errno));
		return;
	}
	if (!same_content(&now, &file->seen))
		read_file(file, &now, scan);
}

/* Takes the file of that path out of the old list, or makes a new one. Both lists are sorted. */
static struct file *file_for(struct folder *f, size_t *at, const char *path)
{
	struct file *file;

	while (*at < f->n_files && strcmp(f->files[*at]->path, path) < 0)
		(*at)++;
	if (*at < f->n_files && strcmp(f->files[*at]->path, path) == 0) {
		file = steal(f->files[*at]);
		(*at)++;
		return file;
	}
	file = xnew0(struct file);
	file->path = xstrdup(path);
	return file;
}

static int read_files(
	struct folder *f, struct file ***ret, size_t *ret_n, const struct scan *scan, struct err *e)
{
	struct manifest_files list = {0};
	struct file **files;
	size_t at = 0;
	int r = manifests_list(&list, f->path, e);

	if (r < 0)
		return r;
	files = xcalloc(list.n_paths, sizeof(struct file *));
	for (size_t i = 0; i < list.n_paths; i++) {
		files[i] = file_for(f, &at, list.paths[i]);
		look_at(files[i], scan);
	}
	*ret = files;
	*ret_n = list.n_paths;
	manifest_files_done(&list);
	return 0;
}

static struct owner *find_owner(struct owner *owners, const char *key, size_t len)
{
	struct owner *owner;

	HASH_FIND(hh, owners, key, len, owner);
	return owner;
}

static void add_owner(struct owner **owners, struct file *file, size_t index)
{
	const struct object_key *key = &file->keys[index];
	struct owner *owner = xcalloc(1, sizeof *owner + key->len);

	owner->file = file;
	owner->index = index;
	owner->len = key->len;
	memcpy(owner->key, key->text, key->len);
	HASH_ADD(hh, *owners, key, key->len, owner);
}

static void split_key(
	const struct owner *owner, const char **kind, const char **ns, const char **name)
{
	*kind = owner->key;
	*ns = *kind + strlen(*kind) + 1;
	*name = *ns + strlen(*ns) + 1;
}

static void tell_duplicate(
	const struct file *file, const struct owner *owner, const struct scan *scan)
{
	CLEANUP_FREE char *what = NULL;
	const char *kind, *ns, *name;

	split_key(owner, &kind, &ns, &name);
	what = xasprintf("%s %s/%s is in %s as well, which counts", kind, ns, name,
		base_name(owner->file->path));
	scan->ops->problem(scan->ud, file->path, what);
}

static struct owner *assign_owners(struct file **files, size_t n, const struct scan *scan)
{
	struct owner *owners = NULL;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < files[i]->n_keys; k++) {
			const struct object_key *key = &files[i]->keys[k];
			const struct owner *first = find_owner(owners, key->text, key->len);

			if (!first)
				add_owner(&owners, files[i], k);
			else if (files[i]->objects)
				tell_duplicate(files[i], first, scan);
		}
	}
	return owners;
}

/* Files that were not read now but give an object that another file gave before are read again. */
static void read_new_owners(struct folder *f, struct owner *owners, const struct scan *scan)
{
	for (struct owner *at = owners; at; at = at->hh.next) {
		const struct owner *before = find_owner(f->owners, at->key, at->len);

		if (!at->file->objects &&
			(!before || strcmp(before->file->path, at->file->path) != 0))
			at->file->wanted = true;
	}
	for (struct owner *at = owners; at; at = at->hh.next) {
		struct err e = {0};

		if (!at->file->wanted)
			continue;
		at->file->wanted = false;
		if (manifests_read(&at->file->objects, at->file->path, &e) < 0)
			scan->ops->problem(scan->ud, at->file->path, e.msg);
	}
}

static void tell_upserts(const struct owner *owners, const struct scan *scan)
{
	for (const struct owner *at = owners; at; at = at->hh.next) {
		const json_t *object = json_array_get(at->file->objects, at->index);

		if (object)
			scan->ops->upsert(scan->ud, object);
	}
}

static void tell_removals(const struct folder *f, struct owner *owners, const struct scan *scan)
{
	const char *kind, *ns, *name;

	for (const struct owner *at = f->owners; at; at = at->hh.next) {
		if (find_owner(owners, at->key, at->len))
			continue;
		split_key(at, &kind, &ns, &name);
		scan->ops->remove(scan->ud, kind, ns, name);
	}
}

int folder_scan(struct folder *f, const struct folder_hints *hints, const struct source_ops *ops,
	void *ud, struct err *e)
{
	const struct scan scan = {.hints = hints, .ops = ops, .ud = ud};
	struct owner *owners;
	struct file **files;
	size_t n;
	int r = read_files(f, &files, &n, &scan, e);

	if (r < 0)
		return r;
	owners = assign_owners(files, n, &scan);
	read_new_owners(f, owners, &scan);
	tell_removals(f, owners, &scan);
	tell_upserts(owners, &scan);
	owners_free(f->owners);
	files_free(f->files, f->n_files);
	f->owners = owners;
	f->files = files;
	f->n_files = n;
	for (size_t i = 0; i < n; i++) {
		json_decref(files[i]->objects);
		files[i]->objects = NULL;
	}
	return 0;
}
