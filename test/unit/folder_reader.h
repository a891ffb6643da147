/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/folder.h"

/* A folder of manifests for tests, and what a reader of it is told. */

enum { OBJECTS = 8, NAMES = 8 };

/* A reader of a folder, and what it was told: the `v` of each Service that there is, or 0. */
struct reader {
	struct files files;
	struct folder *folder;
	long long told[OBJECTS];
	unsigned n_upserts, n_problems;
};

struct fixture {
	char *path;
	struct reader *reader;
	void (*meanwhile)(struct fixture *f);
	unsigned n_asked;
	bool busy[NAMES];
	long long version;
};

/* Services are called o0, o1, ... */
static inline size_t index_of(const char *name)
{
	size_t i = (size_t)(name[1] - '0');

	assert_true(name[0] == 'o' && i < OBJECTS);
	return i;
}

static inline void on_upsert(void *ud, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	const char *name = json_string_value(json_object_get(meta, "name"));
	struct reader *r = ud;

	r->told[index_of(name)] = json_integer_value(json_object_get(object, "v"));
	r->n_upserts++;
}

static inline void on_remove(void *ud, const char *kind, const char *ns, const char *name)
{
	struct reader *r = ud;

	assert_string_equal(kind, "Service");
	assert_string_equal(ns, "default");
	assert_int_not_equal(r->told[index_of(name)], 0);
	r->told[index_of(name)] = 0;
}

static inline void on_problem(void *ud, const char *where, const char *what)
{
	(void)where;
	(void)what;
	((struct reader *)ud)->n_problems++;
}

static inline struct reader *reader_new(const char *path)
{
	static const struct source_ops ops = {
		.upsert = on_upsert, .remove = on_remove, .problem = on_problem};
	struct reader *r = xnew0(struct reader);

	files_init(&r->files, path);
	r->folder = folder_new(&r->files, &ops, r);
	return r;
}

static inline struct reader *reader_free(struct reader *r)
{
	folder_free(r->folder);
	files_done(&r->files);
	free(r);
	return NULL;
}

/* Two versions may look the same to whom a link leads to them, unless their times differ. */
static inline void write_file(const char *path, const char *text, long long version)
{
	const struct timespec times[2] = {{.tv_sec = version}, {.tv_sec = version}};
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(futimens(fd, times), 0);
}

static inline void put(const char *folder, const char *name, const char *text, long long version)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	unlink(path);
	write_file(path, text, version);
}

#define SERVICE "{kind: Service, metadata: {name: o%u}, v: %lld}\n"

/* Puts a manifest with one Service. */
static inline void put_one(struct fixture *f, const char *name, unsigned object, long long v)
{
	CLEANUP_FREE char *text = xasprintf(SERVICE, object, v);

	put(f->path, name, text, ++f->version);
}

/* What happens in the midst of a scan. */
static inline void catch_up(void *ud)
{
	struct fixture *f = ud;

	if (f->meanwhile)
		f->meanwhile(f);
}

static inline int scan(struct fixture *f)
{
	struct err e = {0};

	return folder_scan(f->reader->folder, catch_up, f, &e);
}

static inline void drop(const char *folder, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	unlink(path);
}

static inline int setup(void **state)
{
	struct fixture *f = xnew0(struct fixture);
	char template[] = "/tmp/kago-folder-XXXXXX";

	*state = f;
	f->path = xstrdup(mkdtemp(template));
	f->reader = reader_new(f->path);
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	reader_free(f->reader);
	nftw(f->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f->path);
	free(f);
	return 0;
}
