/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doc/yaml.h"
#include "doc/yaml_marks.h"
#include "fuzz.h"

/*
 * What was read, written as JSON and read again, is the same; as YAML too, if it is YAML. All in
 * ASCII: YAML has line breaks that JSON does not know, such as U+0085, and folds them.
 */
static void check_round_trip(const json_t *documents)
{
	CLEANUP(yaml_marks_freep) struct yaml_marks *marks = NULL;
	CLEANUP_FREE char *text = json_dumps(documents, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_auto_t *again = NULL, *root = NULL;
	struct err e = {0};
	int r = yaml_parse(&again, text, strlen(text), &e);

	/* The array around the documents nests one deeper. */
	FUZZ_CHECK(r == 0 || r == -EFBIG);
	if (r == 0)
		FUZZ_CHECK(json_equal(json_array_get(again, 0), documents));
	if (yaml_parse_located(&root, &marks, "f", text, strlen(text), &e) == 0)
		FUZZ_CHECK(json_equal(root, documents));
}

/* Every value has its place in the text, and the same value as without places. */
static void check_marks(const struct yaml_marks *marks, const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	FUZZ_CHECK(
		json_is_boolean(value) || json_is_null(value) || yaml_mark_of(marks, value).line);
	json_object_foreach((json_t *)(uintptr_t)value, key, item) {
		FUZZ_CHECK(yaml_mark_of_key(marks, value, key).column);
		check_marks(marks, item);
	}
	json_array_foreach(value, i, item)
		check_marks(marks, item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(yaml_marks_freep) struct yaml_marks *marks = NULL;
	json_auto_t *documents = NULL, *root = NULL;
	struct err e = {0}, located = {0};

	if (yaml_parse(&documents, (const char *)data, len, &e) == 0)
		check_round_trip(documents);
	else
		FUZZ_CHECK((e.code == EINVAL || e.code == EFBIG) && e.msg[0]);
	if (yaml_parse_located(&root, &marks, "f", (const char *)data, len, &located) == 0) {
		FUZZ_CHECK(json_array_size(documents) <= 1);
		if (json_array_size(documents) == 1 &&
			json_equal(json_array_get(documents, 0), root))
			check_marks(marks, root);
	}
	return 0;
}
