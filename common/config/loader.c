/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/lists.h"
#include "config/schema.h"
#include "doc/jsonx.h"

int loader_fail(struct loader *l, struct loader_place where, const char *fmt, ...)
{
	char what[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(l->e, EINVAL, "%s:%u:%u: %s%s%s", l->path, where.at.line, where.at.column,
		where.key, *where.key ? ": " : "", what);
}

struct yaml_mark loader_mark(struct loader *l, const json_t *value, struct yaml_mark fallback)
{
	struct yaml_mark at = yaml_mark_of(l->marks, value);

	return at.line ? at : fallback;
}

/* The text of a value as schema_set takes it, in *ret_made if it had to be made; NULL: wrong type.
 */
static const char *text_of(char **ret_made, const struct schema_key *k, const json_t *value)
{
	if (schema_is_bool(k))
		return json_is_true(value) ? "true" : json_is_false(value) ? "false" : NULL;
	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_integer(value) || !schema_is_number(k))
		return NULL;
	*ret_made = xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return *ret_made;
}

static int load_scalar(struct loader *l, struct loader_place where, const struct schema_key *k,
	void *base, const json_t *value)
{
	CLEANUP_FREE char *made = NULL;
	const char *text = text_of(&made, k, value);
	struct err cause = {0};

	if (!text) {
		CLEANUP_FREE char *expected = schema_describe(k);

		if (schema_is_bool(k))
			return loader_fail(
				l, where, "must be %s, not %s", expected, jsonx_type_name(value));
		return loader_fail(l, where,
			schema_is_number(k) ? "must be a %s, not %s"
					    : "must be a string (%s), not %s",
			expected, jsonx_type_name(value));
	}
	if (schema_set(k, base, text, &cause) < 0)
		return loader_fail(l, where, "%s", cause.msg);
	return 0;
}

static int load_member(struct loader *l, const char *section, void *base, const json_t *object,
	const char *name, const json_t *value)
{
	CLEANUP_FREE char *path = xasprintf("%s%s%s", section, *section ? "." : "", name);
	struct loader_place key_place = {path, yaml_mark_of_key(l->marks, object, name)};
	struct loader_place place = {path, loader_mark(l, value, key_place.at)};
	bool is_plain = !strpbrk(name, ".["); /* "bgp.as" at the root is no key */
	const struct schema_key *k = is_plain ? schema_find(path) : NULL;

	if (!k && !(is_plain && schema_is_section(path))) {
		CLEANUP_FREE char *names = schema_names(section);
		char quoted[STR_QUOTED_SIZE];

		key_place.key = section;
		return loader_fail(l, key_place, "%s is not a key; the keys are %s",
			str_quote(quoted, name), names);
	}
	if (json_is_null(value))
		return 0;
	if (!k)
		return loader_object(l, place, path, base, value);
	return schema_is_list(k) ? lists_load(l, place, k, base, value)
				 : load_scalar(l, place, k, base, value);
}

int loader_object(struct loader *l, struct loader_place where, const char *section, void *base,
	const json_t *object)
{
	const char *name;
	json_t *value;
	int r;

	if (!json_is_object(object))
		return loader_fail(l, where, "must be an object, not %s", jsonx_type_name(object));
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		r = load_member(l, section, base, object, name, value);
		if (r < 0)
			return r;
	}
	return 0;
}
