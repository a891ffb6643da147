/* SPDX-License-Identifier: Apache-2.0 */
#include "values/name_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Points the items to the names of `text`, which it takes over. */
static void split(struct name_set *ret, char *text)
{
	char *rest = text, *name;
	size_t n = *text != '\0';

	for (const char *p = text; *p; p++)
		n += *p == ' ';
	*ret = (struct name_set){.names = text, .items = xcalloc(n, sizeof(const char *))};
	while (n > 0 && (name = strsep(&rest, " ")))
		ret->items[ret->n_items++] = name;
}

void name_set_build(struct name_set *ret, const char *const names[], size_t n)
{
	CLEANUP_FREE const char **sorted = xcalloc(n, sizeof(const char *));
	size_t kept = 0, len = 1;
	char *text, *end;

	for (size_t i = 0; i < n; i++) {
		sorted[i] = names[i];
		len += strlen(names[i]) + 1;
	}
	if (n > 1)
		qsort(sorted, n, sizeof *sorted, by_text);
	text = end = xcalloc(1, len);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(sorted[i - 1], sorted[i]) == 0)
			continue;
		if (kept++ > 0)
			*end++ = ' ';
		end = stpcpy(end, sorted[i]);
	}
	split(ret, text);
}

int name_set_parse(struct name_set *ret, const char *text, size_t max, struct err *e)
{
	struct name_set s;

	if (strlen(text) > max)
		return err_set(e, EINVAL, "longer than %zu bytes", max);
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-. ")])
		return err_set(e, EINVAL, "has other characters than names have");
	split(&s, xstrdup(text));
	for (size_t i = 0; i < s.n_items; i++)
		if (!*s.items[i] || (i > 0 && strcmp(s.items[i - 1], s.items[i]) >= 0)) {
			name_set_done(&s);
			return err_set(e, EINVAL, "is no sorted list of names");
		}
	*ret = s;
	return 0;
}

void name_set_done(struct name_set *s)
{
	free(s->names);
	free(s->items);
	*s = (struct name_set){0};
}

char *name_set_format(const struct name_set *s)
{
	size_t len = 1;
	char *text, *end;

	for (size_t i = 0; i < s->n_items; i++)
		len += strlen(s->items[i]) + 1;
	text = end = xcalloc(1, len);
	for (size_t i = 0; i < s->n_items; i++) {
		if (i > 0)
			*end++ = ' ';
		end = stpcpy(end, s->items[i]);
	}
	return text;
}

bool name_set_find(size_t *ret, const struct name_set *s, const char *name)
{
	const char **found =
		s->n_items ? bsearch(&name, s->items, s->n_items, sizeof *s->items, by_text) : NULL;

	if (found)
		*ret = (size_t)(found - s->items);
	return found;
}

bool name_set_has(const struct name_set *s, const char *name)
{
	size_t unused;

	return name_set_find(&unused, s, name);
}
