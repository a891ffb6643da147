/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "config/config.h"
#include "doc/yaml.h"

/* From the document of kago.yaml to the fields that schema.h names, with the place of each error.
 */

struct loader {
	struct config *config;
	const char *path; /* of the file */
	json_t *root;
	struct yaml_marks *marks;
	struct err *e;
};

/* A member of the document, or an item of a list. */
struct loader_place {
	const char *key; /* its path in the schema */
	struct yaml_mark at;
};

/* "PATH:LINE:COLUMN: key: what"; returns -EINVAL. */
int loader_fail(struct loader *l, struct loader_place where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where `value` is; `fallback` is for values that have no place of their own. */
struct yaml_mark loader_mark(struct loader *l, const json_t *value, struct yaml_mark fallback);

/* Sets the fields of the struct at `base`, whose keys are right below `section`. */
int loader_object(struct loader *l, struct loader_place where, const char *section, void *base,
	const json_t *object);
