/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/jsonx.h"
#include "fuzz.h"

#include <string.h>

/* The text of a member is that of its value. */
static void check_member(const char *text, size_t len, const json_t *value, const char *path)
{
	json_auto_t *part = NULL;
	const json_t *member = value;
	const char *at = path, *found;
	size_t n = 0, n_step;

	found = jsonx_find_text(&n, text, len, path);
	FUZZ_CHECK(!found || (found >= text && found + n <= text + len));
	if (!value || !found)
		return;
	for (; *at && member; at += n_step + (at[n_step] == '.')) {
		n_step = strcspn(at, ".");
		member = json_object_getn(member, at, n_step);
	}
	part = json_loadb(found, n, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	FUZZ_CHECK(member && part && json_equal(part, member));
}

/* What is counted before reading bounds what there is afterwards, from above and not from far. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = len ? (const char *)data : "";
	size_t n = jsonx_count(text, len);
	json_auto_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	check_member(text, len, value, "object.metadata.name");
	check_member(text, len, value, "type");
	FUZZ_CHECK(n >= 1 && n <= len + 1);
	if (value)
		FUZZ_CHECK(jsonx_size(value) <= n && n <= 2 * jsonx_size(value));
	return 0;
}
