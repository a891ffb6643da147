/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/hash.h"

struct origin;

/* A manifest of a folder. */
struct file {
	UT_hash_handle hh;
	bool touched; /* since the last scan began */
	bool busy;    /* somebody is writing it */
	bool is_link;
	bool gone;
	int failed;       /* the errno that it could not be looked at for, which may pass; or 0 */
	struct stat seen; /* when it was last read; zero: to be read in any case */
	struct origin *origins;
	size_t n_origins; /* as many as it has objects, in their order */

	/* While a scan goes on: */
	bool in_scan;
	bool tried;      /* to read it */
	json_t *objects; /* if that worked */

	const char *name; /* the end of the path */
	char path[];
};

struct file_list {
	struct file **items;
	size_t n_items;
};

/*
 * The manifests of a folder, and what happened to them. Whoever sees that says to which name, and
 * the next scan (folder.h) looks there.
 */
struct files {
	char *path;
	struct file *all; /* those there are, and touched names that may be */
	size_t n_links, n_failed;
	struct file_list touched;
	bool touched_links; /* or what they lead through */
	bool touched_all;
};

/* Nothing is known, and all is touched. */
void files_init(struct files *f, const char *path);
void files_done(struct files *f);

/* Something happened to what has this name, be it a manifest or what links lead through. */
void files_touch(struct files *f, const char *name);
/* Those that could not be looked at. */
void files_touch_failed(struct files *f);
/* Something may have happened to any name. */
void files_touch_all(struct files *f);
bool files_are_touched(const struct files *f);

/* Somebody is writing the file, or no more. It has to be touched before. */
void files_set_busy(struct files *f, const char *name, bool busy);
/* It is not known of any file that somebody is writing it. */
void files_clear_busy(struct files *f);

/* What a scan needs. */

/*
 * What was touched, sorted by name, for the caller to free; what happens from now on is for the
 * next scan. Errors: the folder cannot be listed; all stays as it was.
 */
int files_take_touched(struct file_list *ret, struct files *f, struct err *e);
void file_list_add(struct file_list *list, struct file *file);
struct file *files_find(struct files *f, const char *name);
void files_set_link(struct files *f, struct file *file, bool is_link);
void files_set_failed(struct files *f, struct file *file, int failed);
void files_forget(struct files *f, struct file *file);
