/* SPDX-License-Identifier: Apache-2.0 */
#include "source/manifests.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doc/jsonx.h"
#include "doc/yaml.h"

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append(array, value) < 0)
		mem_exhausted();
}

/* Items of a ServiceList, as the API server gives it, do not repeat what they are. */
static void inherit_type(json_t *item, const char *list_kind, json_t *api)
{
	size_t len = strlen(list_kind) - strlen("List");

	if (!json_is_object(item) || len == 0 || json_object_get(item, "kind"))
		return;
	if (json_object_set_new(item, "kind", json_stringn(list_kind, len)) < 0 ||
		(api && json_object_set(item, "apiVersion", api) < 0))
		mem_exhausted();
}

static int unpack(json_t *array, json_t *object, struct err *e)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	json_t *items = NULL, *item;
	size_t i;
	int r;

	if (!kind || !has_suffix(kind, "List")) {
		append(array, object);
		return 0;
	}
	r = jsonx_array(&items, object, "items", e);
	if (r < 0)
		return r;
	json_array_foreach(items, i, item) {
		inherit_type(item, kind, json_object_get(object, "apiVersion"));
		r = unpack(array, item, e);
		if (r < 0)
			return err_wrap(e, "items[%zu]", i);
	}
	return 0;
}

static int unpack_all(json_t *array, json_t *documents, struct err *e)
{
	json_t *document;
	size_t i;
	int r;

	json_array_foreach(documents, i, document) {
		r = unpack(array, document, e);
		if (r < 0)
			return err_wrap(e, "document %zu", i + 1);
	}
	return 0;
}

int manifests_parse(json_t **ret_array, const char *text, size_t len, struct err *e)
{
	json_auto_t *documents = NULL, *array = json_array();
	int r;

	r = yaml_parse(&documents, text, len, e);
	if (r < 0)
		return r;
	r = unpack_all(array, documents, e);
	if (r < 0)
		return r;
	*ret_array = steal(array);
	return 0;
}

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static int read_text(char **ret, size_t *ret_len, const char *path, struct err *e)
{
	if (is_stdin(path))
		return fs_read_fd(ret, ret_len, STDIN_FILENO, path, LIMIT_DOCUMENT_BYTES, e);
	return fs_read(ret, ret_len, path, LIMIT_DOCUMENT_BYTES, e);
}

int manifests_read(json_t **ret_array, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	r = read_text(&text, &len, path, e);
	if (r < 0)
		return r;
	r = manifests_parse(ret_array, text, len, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

static bool starts_document(const char *line)
{
	return strncmp(line, "---", 3) == 0 && strchr(" \t\r\n", line[3]);
}

/* The length of the first document: to the line that begins another one. */
static size_t document_len(const char *text, size_t len)
{
	const char *line = text;

	while ((line = memchr(line, '\n', len - (size_t)(line - text)))) {
		line++;
		if (starts_document(line))
			return (size_t)(line - text);
	}
	return len;
}

static unsigned count_lines(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int manifests_read_each(json_t **ret_array, const char *path,
	void (*problem)(void *ud, const char *what), void *ud, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	json_auto_t *array = json_array();
	size_t len, one;
	unsigned line = 1;
	int r = read_text(&text, &len, path, e);

	if (r < 0)
		return r;
	r = manifests_parse(ret_array, text, len, e);
	if (r == 0)
		return 0;
	if (document_len(text, len) == len)
		return err_wrap(e, "%s", path);
	for (size_t at = 0; at < len; at += one) {
		json_auto_t *objects = NULL;
		struct err why = {0};

		one = document_len(text + at, len - at);
		if (manifests_parse(&objects, text + at, one, &why) < 0) {
			err_wrap(&why, "%s: the document from line %u", path, line);
			problem(ud, why.msg);
		} else if (json_array_extend(array, objects) < 0) {
			mem_exhausted();
		}
		line += count_lines(text + at, one);
	}
	if (json_array_size(array) == 0)
		return err_set(e, EINVAL, "%s: no document can be used", path);
	*ret_array = steal(array);
	return 0;
}

bool manifests_is_name(const char *name)
{
	return name[0] != '.' &&
	       (has_suffix(name, ".yaml") || has_suffix(name, ".yml") || has_suffix(name, ".json"));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Consumes `path`. */
static void add_path(struct manifest_files *f, char *path)
{
	f->paths = xreallocarray(f->paths, f->n_paths + 1, sizeof *f->paths);
	f->paths[f->n_paths++] = path;
}

static int list_folder(struct manifest_files *f, const char *path, DIR *dir, struct err *e)
{
	const struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno ? err_errno(e, errno, "%s", path) : 0;
		if (!manifests_is_name(entry->d_name))
			continue;
		if (f->n_paths == LIMIT_MANIFEST_FILES)
			return err_set(
				e, EFBIG, "%s: more than %d files", path, LIMIT_MANIFEST_FILES);
		add_path(f, xasprintf("%s/%s", path, entry->d_name));
	}
}

int manifests_list(struct manifest_files *ret, const char *path, struct err *e)
{
	struct manifest_files f = {0};
	DIR *dir = is_stdin(path) ? NULL : opendir(path);
	int r = 0;

	if (!dir && !is_stdin(path) && errno != ENOTDIR)
		return err_errno(e, errno, "%s", path);
	if (dir) {
		r = list_folder(&f, path, dir, e);
		closedir(dir);
	} else {
		add_path(&f, xstrdup(path));
	}
	if (r < 0) {
		manifest_files_done(&f);
		return r;
	}
	if (f.n_paths)
		qsort(f.paths, f.n_paths, sizeof *f.paths, by_text);
	*ret = f;
	return 0;
}

void manifest_files_done(struct manifest_files *f)
{
	for (size_t i = 0; i < f->n_paths; i++)
		free(f->paths[i]);
	free(f->paths);
	*f = (struct manifest_files){0};
}
