/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A set of names, such as those of nodes, and its text: sorted, with a blank between two. */
struct name_set {
	char *names; /* the text, with a NUL in the place of each blank; owned */
	const char **items;
	size_t n_items;
};

/* Sorted and without duplicates, whatever order the names come in. */
void name_set_build(struct name_set *ret, const char *const names[], size_t n);

/*
 * Errors: -EINVAL for a text that name_set_format does not make: not sorted, a name twice, another
 * character than a-z, 0-9, '-' and '.', or more than `max` bytes.
 */
int name_set_parse(struct name_set *ret, const char *text, size_t max, struct err *e);
void name_set_done(struct name_set *s);

/* In new memory; "" for none. */
char *name_set_format(const struct name_set *s) __attribute__((warn_unused_result));

/* False: it is none of them; else it is the item in *ret. */
bool name_set_find(size_t *ret, const struct name_set *s, const char *name);
bool name_set_has(const struct name_set *s, const char *name);
