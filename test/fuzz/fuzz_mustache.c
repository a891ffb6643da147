/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "doc/mustache.h"
#include "fuzz.h"

/* An input is a template, a line "----" and a view in JSON. */
static const char separator[] = "\n----\n";

static void check_render(const struct mustache *m, const json_t *view)
{
	CLEANUP_FREE char *first = NULL, *second = NULL;
	size_t first_len, second_len;
	struct err e = {0};
	int r = mustache_render(&first, &first_len, m, view, &e);

	if (r < 0) {
		FUZZ_CHECK((r == -EINVAL || r == -EFBIG) && e.msg[0]);
		FUZZ_CHECK(!first);
		return;
	}
	FUZZ_CHECK(first[first_len] == '\0');
	FUZZ_CHECK(mustache_render(&second, &second_len, m, view, &e) == 0);
	FUZZ_CHECK(first_len == second_len && memcmp(first, second, first_len) == 0);
}

/* A text without tags is its own rendering. */
static void check_plain(const struct mustache *m, const char *template, size_t len)
{
	CLEANUP_FREE char *text = NULL;
	json_auto_t *view = json_object();
	struct err e = {0};
	size_t text_len;

	FUZZ_CHECK(mustache_render(&text, &text_len, m, view, &e) == 0);
	FUZZ_CHECK(text_len == len && (len == 0 || memcmp(text, template, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *template = (const char *)data;
	const char *split = len ? memmem(template, len, separator, strlen(separator)) : NULL;
	size_t template_len = split ? (size_t)(split - template) : len;
	const char *view_text = split ? split + strlen(separator) : "{}";
	json_auto_t *view = json_loadb(view_text,
		split ? len - template_len - strlen(separator) : 2, JSON_DECODE_ANY, NULL);
	struct mustache *m = NULL;
	struct err e = {0};

	if (mustache_parse(&m, template, template_len, &e) < 0) {
		FUZZ_CHECK((e.code == EINVAL || e.code == EFBIG) && e.msg[0]);
		return 0;
	}
	if (view)
		check_render(m, view);
	if (!template_len || !memmem(template, template_len, "{{", 2))
		check_plain(m, template, template_len);
	mustache_free(m);
	return 0;
}
