/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/*
 * YAML 1.1 text as jansson values, by libyaml's events. JSON is YAML, so this reads both. Scalars
 * follow the core schema as Kubernetes reads it: plain null/~/empty, true/false, integers, floats;
 * all else and everything quoted is a string. Refused: anchors and aliases, duplicate keys, keys
 * that are no strings, tags other than the standard ones, and whatever is over limits.h.
 */

/*
 * All documents of a text as a JSON array, empty documents left out. Errors: -EINVAL with
 * "line L, column C: ..."; -EFBIG over a limit.
 */
int yaml_parse(json_t **ret_array, const char *text, size_t len, struct err *e);

/* Where a value of a located document stands, counted from 1. */
struct yaml_mark {
	unsigned line, column;
};

struct yaml_marks;

/*
 * A text that holds at most one document, with the position of every value and key: for
 * configuration files. An empty text gives an empty object.
 */
int yaml_parse_located(json_t **ret, struct yaml_marks **ret_marks, const char *text, size_t len,
	struct err *e);

/* Where `value`, a value of the document these marks came with, stands; {0,0} for any other. */
struct yaml_mark yaml_mark_of(const struct yaml_marks *marks, const json_t *value);

/* Where the key `key` of `object` stands. */
struct yaml_mark yaml_mark_of_key(
	const struct yaml_marks *marks, const json_t *object, const char *key);

struct yaml_marks *yaml_marks_free(struct yaml_marks *marks);
