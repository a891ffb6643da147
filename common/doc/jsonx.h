/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Typed reading of optional members, by dotted path without array steps: "metadata.name". Absent
 * and null are the same: the function returns 0 and leaves *ret as it was, so set the default
 * first. A value of another type is -EINVAL: "spec.ports: must be a list, not a string". Strings
 * and values are borrowed from `object`.
 */
int jsonx_str(const char **ret, const json_t *object, const char *path, struct err *e);
int jsonx_bool(bool *ret, const json_t *object, const char *path, struct err *e);
int jsonx_u64(uint64_t *ret, const json_t *object, const char *path, uint64_t min, uint64_t max,
	struct err *e);
int jsonx_object(json_t **ret, const json_t *object, const char *path, struct err *e);
int jsonx_array(json_t **ret, const json_t *object, const char *path, struct err *e);

/* The same, but absent is an error too: "metadata.name: missing". */
int jsonx_need_str(const char **ret, const json_t *object, const char *path, struct err *e);

/*
 * How many values are in a text of JSON: never fewer than there are, and at most twice as many.
 * It takes no memory, where reading the text may take 80 times its length.
 */
size_t jsonx_count(const char *text, size_t len);

/*
 * The text of a member, by dotted path: "object.metadata.name", without reading what is before it.
 * NULL: there is none, or its name is written with escapes, or the text is no JSON as far as that.
 */
const char *jsonx_find_text(size_t *ret_len, const char *text, size_t len, const char *path);

/* How many values there are in one that was read, itself among them. */
size_t jsonx_size(const json_t *value);

/* "a string", "a list", ... for messages. */
const char *jsonx_type_name(const json_t *value);

/*
 * Building values. jansson copies what it is given and fails for lack of memory, or of a text that
 * is no UTF-8. JSON and YAML that we read are UTF-8, and messages quote with str_quote, so only the
 * first is left, which ends the program: nothing is written with a part missing.
 */
static inline json_t *jsonx_must(json_t *value)
{
	if (!value)
		mem_exhausted();
	return value;
}

/* Consumes `value`. */
static inline void jsonx_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, jsonx_must(value)) < 0)
		mem_exhausted();
}

/* Consumes `value`. */
static inline void jsonx_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, jsonx_must(value)) < 0)
		mem_exhausted();
}
