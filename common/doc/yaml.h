/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/*
 * YAML 1.1 text as jansson values, by libyaml's events. JSON is YAML, so this reads both. A plain
 * scalar means what Kubernetes' own reader makes of it (doc/yaml_scalar.h: `yes` is true, 010 is
 * 8); everything quoted or in a block is a string. A key is its text as written. Aliases share
 * the value that they name, which counts anew each time. UTF-8, and UTF-16 with a byte order mark.
 * Refused: duplicate keys, keys that are no scalars or have a NUL character, other tags than !!str,
 * !!seq and !!map, and whatever is over limits.h.
 *
 * A text that is one JSON value is read by jansson, for libyaml does not know surrogate pairs
 * ("\uD83D\uDE00"); in YAML such a character is itself or "\U0001F600".
 */

/*
 * All documents of a text as a JSON array, empty documents left out. Errors: -EINVAL with
 * "line L, column C: ..."; -EFBIG over a limit.
 */
int yaml_parse(json_t **ret_array, const char *text, size_t len, struct err *e);

/* A place in a text, counted from 1, columns in characters; {0, 0} is none. */
struct yaml_mark {
	unsigned line, column;
};

struct yaml_marks;

/*
 * A text that holds at most one document, with the position of its values and keys: for
 * configuration files. An empty text gives an empty object. Errors as above, but the message is
 * "NAME:L:C: ..." with the name given.
 */
int yaml_parse_located(json_t **ret, struct yaml_marks **ret_marks, const char *name,
	const char *text, size_t len, struct err *e);

/*
 * Where a value of that document starts. There is no mark for true, false and null, which jansson
 * shares between all documents: take that of the key.
 */
struct yaml_mark yaml_mark_of(const struct yaml_marks *marks, const json_t *value);

/* Where the key `key` of `object` stands. */
struct yaml_mark yaml_mark_of_key(
	const struct yaml_marks *marks, const json_t *object, const char *key);

struct yaml_marks *yaml_marks_free(struct yaml_marks *marks);
