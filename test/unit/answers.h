/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "objects.h"

/* Parts of answers on the control socket, for tests to compare. */

/* What is at the place "KEY KEY ..." of an object, as JSON in one line; "null" if there is nothing.
 */
static inline void assert_answer(const json_t *object, const char *place, const char *expected)
{
	CLEANUP_FREE char *words = xstrdup(place), *text = NULL;
	char *rest = words, *key;

	while ((key = strsep(&rest, " ")))
		object = json_object_get(object, key);
	text = object ? json_dumps(object, JSON_ENCODE_ANY | JSON_SORT_KEYS) : xstrdup("null");
	assert_string_equal(text, expected);
}
