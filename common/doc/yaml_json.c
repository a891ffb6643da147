/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/yaml_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

static bool nests_at_most(const json_t *value, size_t depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return true;
	if (depth == 0)
		return false;
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
		if (!nests_at_most(item, depth - 1))
			return false;
	json_array_foreach(value, i, item)
		if (!nests_at_most(item, depth - 1))
			return false;
	return true;
}

/* No JSON text has more values than it has these. */
static bool has_few_separators(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return n <= LIMIT_DOCUMENT_NODES;
}

json_t *yaml_json_parse(const char *text, size_t len)
{
	json_auto_t *value = NULL;
	size_t start = 0;

	while (start < len && strchr(" \t\r\n", text[start]))
		start++;
	if (start == len || (text[start] != '{' && text[start] != '['))
		return NULL;
	if (len > LIMIT_DOCUMENT_BYTES || !has_few_separators(text, len))
		return NULL;
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	return value && nests_at_most(value, LIMIT_DOCUMENT_DEPTH) ? steal(value) : NULL;
}
