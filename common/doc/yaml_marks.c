/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/yaml_marks.h"

#include <stdint.h>

/* A value is known by its address, a key by that of jansson's copy of it. */
struct entry {
	uintptr_t address;
	struct yaml_mark at;
};

struct yaml_marks {
	struct entry *entries;
	size_t n_entries, size;
};

struct yaml_marks *yaml_marks_new(void)
{
	return xnew0(struct yaml_marks);
}

struct yaml_marks *yaml_marks_free(struct yaml_marks *marks)
{
	if (marks)
		free(marks->entries);
	free(marks);
	return NULL;
}

static void add(struct yaml_marks *marks, const void *address, struct yaml_mark at)
{
	if (marks->n_entries == marks->size) {
		marks->size = marks->size ? 2 * marks->size : 64;
		marks->entries = xreallocarray(marks->entries, marks->size, sizeof *marks->entries);
	}
	marks->entries[marks->n_entries++] = (struct entry){(uintptr_t)address, at};
}

void yaml_marks_add(struct yaml_marks *marks, const json_t *value, struct yaml_mark at)
{
	if (!json_is_boolean(value) && !json_is_null(value))
		add(marks, value, at);
}

static const char *own_key(const json_t *object, const char *key)
{
	json_t *borrowed = (json_t *)(uintptr_t)object;

	return json_object_iter_key(json_object_iter_at(borrowed, key));
}

void yaml_marks_add_key(
	struct yaml_marks *marks, const json_t *object, const char *key, struct yaml_mark at)
{
	add(marks, own_key(object, key), at);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = ((const struct entry *)a)->address, y = ((const struct entry *)b)->address;

	return (x > y) - (x < y);
}

void yaml_marks_seal(struct yaml_marks *marks)
{
	if (marks->n_entries)
		qsort(marks->entries, marks->n_entries, sizeof *marks->entries, by_address);
}

static struct yaml_mark find(const struct yaml_marks *marks, const void *address)
{
	struct entry wanted = {.address = (uintptr_t)address};
	const struct entry *found = NULL;

	if (address && marks->n_entries)
		found = bsearch(
			&wanted, marks->entries, marks->n_entries, sizeof wanted, by_address);
	return found ? found->at : (struct yaml_mark){0};
}

struct yaml_mark yaml_mark_of(const struct yaml_marks *marks, const json_t *value)
{
	return find(marks, value);
}

struct yaml_mark yaml_mark_of_key(
	const struct yaml_marks *marks, const json_t *object, const char *key)
{
	return find(marks, own_key(object, key));
}
