/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Logic-less Mustache (mustache(5) and the public specification's modules interpolation, sections,
 * inverted, comments and standalone tags): {{name}}, {{a.b}}, {{.}}, {{#s}}..{{/s}},
 * {{^s}}..{{/s}},
 * {{! comment }}. {{{name}}} and {{&name}} are accepted and mean the same as {{name}}: there is no
 * HTML escaping, for the output is no HTML. Refused with a message: partials, delimiter changes,
 * lambdas, blocks and parents.
 *
 * Values print as: strings as they are, integers in decimal, true/false, null as nothing; a real,
 * a list or an object as text is an error. A missing name is an error too, not empty text: a
 * misspelt variable must not silently vanish from a configuration. In a section tag a missing name
 * is false, as the specification says, and so are null, false and an empty list; "" and 0 are not.
 */
struct mustache;

/* Errors: -EINVAL with "line N: ..."; -EFBIG over LIMIT_TEMPLATE_BYTES. The text is copied. */
int mustache_parse(struct mustache **ret, const char *text, size_t len, struct err *e);

/*
 * The filled template in a new NUL-terminated buffer. Pure: the same view gives the same bytes.
 * Errors: -EINVAL with "line N: {{name}} ..."; -EFBIG over LIMIT_RENDERED_BYTES or
 * LIMIT_RENDER_STEPS.
 */
int mustache_render(char **ret_text, size_t *ret_len, const struct mustache *m, const json_t *view,
	struct err *e);

/* A list whose items are made one at a time: all at once would take much memory. */
struct mustache_list {
	const char *name;
	size_t n_items;
	/* Item i, an object and a reference to it. It is not looked at once the next one is
	 * asked for. */
	json_t *(*item)(void *ud, size_t i);
	void *ud;
};

/*
 * As mustache_render, with a view that has the list for its only member. The list's name within a
 * section of itself is an error.
 */
int mustache_render_list(char **ret_text, size_t *ret_len, const struct mustache *m,
	const struct mustache_list *list, struct err *e);

/* mustache_parse of a file; errors name it, and are those of reading, too. */
int mustache_load(struct mustache **ret, const char *path, struct err *e);

/* Whether the template's text is byte for byte this one. */
bool mustache_is(const struct mustache *m, const char *text, size_t len);

struct mustache *mustache_free(struct mustache *m);
