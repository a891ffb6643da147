/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/jsonx.h"

#include <inttypes.h>
#include <string.h>

const char *jsonx_type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* The quote that ends a string, or the end. */
static const char *string_end(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return at;
}

/* A value is the first of what holds it, or has a comma before it, or is all there is. */
size_t jsonx_count(const char *text, size_t len)
{
	const char *end = text + len;
	size_t n = 1;

	for (const char *at = text; at < end; at++) {
		if (*at == '"')
			at = string_end(at + 1, end);
		else
			n += *at == ',' || *at == '{' || *at == '[';
	}
	return n;
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* The end of the value that begins here; NULL: it has none. */
static const char *value_end(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '"') {
			at = string_end(at + 1, end);
			if (at >= end)
				return NULL;
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if (*at == '}' || *at == ']' || *at == ',') {
			if (depth == 0)
				return at;
			depth -= *at != ',';
		}
	}
	return depth == 0 ? end : NULL;
}

/* The value of a member of the object that begins here; NULL: it has none. */
static const char *find_member(const char *at, const char *end, const char *name, size_t len)
{
	at = skip_space(at, end);
	if (at == end || *at != '{')
		return NULL;
	do {
		const char *key = skip_space(at + 1, end), *key_end;

		if (key == end || *key++ != '"')
			return NULL;
		key_end = string_end(key, end);
		if (key_end >= end)
			return NULL;
		at = skip_space(key_end + 1, end);
		if (at == end || *at++ != ':')
			return NULL;
		if ((size_t)(key_end - key) == len && memcmp(key, name, len) == 0)
			return skip_space(at, end);
		at = value_end(at, end);
	} while (at && at < end && *at == ',');
	return NULL;
}

const char *jsonx_find_text(size_t *ret_len, const char *text, size_t len, const char *path)
{
	const char *at = text, *end = text + len, *step = path;

	while (at && *step) {
		size_t n = strcspn(step, ".");

		at = find_member(at, end, step, n);
		step += n + (step[n] == '.');
	}
	end = at ? value_end(at, end) : NULL;
	if (!end)
		return NULL;
	*ret_len = (size_t)(end - at);
	return at;
}

size_t jsonx_size(const json_t *value)
{
	json_t *const object = json_is_object(value) ? (json_t *)(uintptr_t)value : NULL;
	const char *key;
	json_t *member;
	size_t n = 1, i;

	json_object_foreach(object, key, member)
		n += jsonx_size(member);
	json_array_foreach(value, i, member)
		n += jsonx_size(member);
	return n;
}

static int wrong_type(
	const char *path, size_t len, const char *expected, const json_t *value, struct err *e)
{
	return err_set(e, EINVAL, "%.*s%smust be %s, not %s", (int)len, path, len ? ": " : "",
		expected, jsonx_type_name(value));
}

/* NULL in *ret when the value, or something on the way to it, is absent or null. */
static int find(json_t **ret, const json_t *object, const char *path, struct err *e)
{
	const json_t *at = object;
	const char *step = path;

	*ret = NULL;
	for (;;) {
		size_t len = strcspn(step, ".");

		if (!json_is_object(at))
			return wrong_type(path, step > path ? (size_t)(step - path) - 1 : 0,
				"an object", at, e);
		at = json_object_getn(at, step, len);
		if (!at || json_is_null(at))
			return 0;
		step += len;
		if (!*step++)
			break;
	}
	*ret = (json_t *)(uintptr_t)at;
	return 0;
}

/* As find(); a value must have the type of that name. */
static int find_typed(
	json_t **ret, const json_t *object, const char *path, const char *type, struct err *e)
{
	int r = find(ret, object, path, e);

	if (r == 0 && *ret && strcmp(jsonx_type_name(*ret), type) != 0)
		return wrong_type(path, strlen(path), type, *ret, e);
	return r;
}

int jsonx_str(const char **ret, const json_t *object, const char *path, struct err *e)
{
	json_t *value;
	int r = find_typed(&value, object, path, "a string", e);

	if (r < 0 || !value)
		return r;
	if (strlen(json_string_value(value)) != json_string_length(value))
		return err_set(e, EINVAL, "%s: contains a NUL byte", path);
	*ret = json_string_value(value);
	return 0;
}

int jsonx_bool(bool *ret, const json_t *object, const char *path, struct err *e)
{
	json_t *value;
	int r = find_typed(&value, object, path, "true or false", e);

	if (r == 0 && value)
		*ret = json_is_true(value);
	return r;
}

int jsonx_u64(uint64_t *ret, const json_t *object, const char *path, uint64_t min, uint64_t max,
	struct err *e)
{
	json_t *value;
	int r = find_typed(&value, object, path, "a whole number", e);
	json_int_t number;

	if (r < 0 || !value)
		return r;
	number = json_integer_value(value);
	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max)
		return err_set(e, EINVAL,
			"%s: %" JSON_INTEGER_FORMAT " is not a number from %" PRIu64 " to %" PRIu64,
			path, number, min, max);
	*ret = (uint64_t)number;
	return 0;
}

int jsonx_object(json_t **ret, const json_t *object, const char *path, struct err *e)
{
	json_t *value;
	int r = find_typed(&value, object, path, "an object", e);

	if (r == 0 && value)
		*ret = value;
	return r;
}

int jsonx_array(json_t **ret, const json_t *object, const char *path, struct err *e)
{
	json_t *value;
	int r = find_typed(&value, object, path, "a list", e);

	if (r == 0 && value)
		*ret = value;
	return r;
}

int jsonx_need_str(const char **ret, const json_t *object, const char *path, struct err *e)
{
	const char *text = NULL;
	int r = jsonx_str(&text, object, path, e);

	if (r == 0 && !text)
		return err_set(e, EINVAL, "%s: missing", path);
	if (r == 0)
		*ret = text;
	return r;
}
