/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Kubernetes manifests in files: YAML or JSON, several documents a file, as kubectl prints them. */

/*
 * The objects of a text as a JSON array, in their order, with Lists (kind List, or ServiceList and
 * the like) replaced by their items. Documents that are no objects are in it, too: the store says
 * what is wrong with them. Errors: -EINVAL for what is no YAML, -EFBIG over a limit.
 */
int manifests_parse(json_t **ret_array, const char *text, size_t len, struct err *e);

/* The same for a file, "-" being standard input; errors name it, and those of reading are added. */
int manifests_read(json_t **ret_array, const char *path, struct err *e);

/*
 * The same, but what is wrong with one document keeps no other from being read: `problem` is told
 * of it, in words that name the file. Errors: of reading, and when no document is right.
 */
int manifests_read_each(json_t **ret_array, const char *path,
	void (*problem)(void *ud, const char *what), void *ud, struct err *e);

/* Whether a folder's file of this name holds manifests: *.yaml, *.yml, *.json, and not hidden. */
bool manifests_is_name(const char *name);

/*
 * The files that make up `path`: itself (also "-"), or if it is a folder those in it (not below it)
 * that hold manifests, sorted by name. Errors name the path.
 */
struct manifest_files {
	char **paths;
	size_t n_paths;
};
int manifests_list(struct manifest_files *ret, const char *path, struct err *e);
void manifest_files_done(struct manifest_files *f);
