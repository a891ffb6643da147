/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/mustache.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doc/jsonx.h"
#include "doc/mustache_tokens.h"

struct renderer {
	const struct mustache *m;
	const json_t *contexts[LIMIT_TEMPLATE_DEPTH + 1]; /* the view, then a value a section */
	size_t n_contexts;
	const struct mustache_list *list; /* a member of the view; NULL: none */
	char *out;
	size_t len, size;
	size_t n_steps;
	struct err *e;
};

static int fail_token(struct renderer *r, const struct token *t, const char *what)
{
	return err_set(r->e, EINVAL, "line %u: {{%.*s}} %s", t->line, (int)t->len, t->text, what);
}

static int put(struct renderer *r, const char *text, size_t len)
{
	if (len > LIMIT_RENDERED_BYTES - r->len)
		return err_set(
			r->e, EFBIG, "the text becomes larger than %d bytes", LIMIT_RENDERED_BYTES);
	if (len >= r->size - r->len) {
		r->size = 2 * (r->len + len) + 256;
		r->out = xreallocarray(r->out, r->size, 1);
	}
	memcpy(r->out + r->len, text, len);
	r->len += len;
	return 0;
}

/* The first step is looked for in every context, the innermost first. */
static const json_t *find_first(const struct renderer *r, const char *step, size_t len)
{
	const json_t *found = NULL;

	for (size_t i = r->n_contexts; i > 0 && !found; i--)
		found = json_object_getn(r->contexts[i - 1], step, len);
	return found;
}

/* The other steps are looked for in the value of the one before. NULL when there is none. */
static const json_t *find_value(const struct renderer *r, const struct token *t)
{
	const char *end = t->text + t->len, *step = t->text;
	const json_t *value = NULL;

	if (t->len == 1 && t->text[0] == '.')
		return r->contexts[r->n_contexts - 1];
	while (step < end) {
		const char *dot = memchr(step, '.', (size_t)(end - step));
		size_t len = (size_t)((dot ? dot : end) - step);

		value = step == t->text ? find_first(r, step, len)
					: json_object_getn(value, step, len);
		if (!value)
			return NULL;
		step += len + 1;
	}
	return value;
}

static int render_value(struct renderer *r, const struct token *t)
{
	const json_t *value = find_value(r, t);
	char number[32];

	if (!value)
		return fail_token(r, t, "is not in the view");
	switch (json_typeof(value)) {
	case JSON_STRING:
		return put(r, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return put(r, number, strlen(number));
	case JSON_TRUE:
		return put(r, "true", 4);
	case JSON_FALSE:
		return put(r, "false", 5);
	case JSON_NULL:
		return 0;
	default:
		return fail_token(r, t, "is a list, an object or a fraction, which have no text");
	}
}

static bool is_false(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

static int count_step(struct renderer *r)
{
	if (++r->n_steps > LIMIT_RENDER_STEPS)
		return err_set(r->e, EFBIG, "it takes more than %d steps", LIMIT_RENDER_STEPS);
	return 0;
}

static int render_range(struct renderer *r, size_t from, size_t to);

static int render_within(struct renderer *r, const json_t *context, size_t from, size_t to)
{
	int n = count_step(r);

	if (n < 0)
		return n;
	r->contexts[r->n_contexts++] = context;
	n = render_range(r, from, to);
	r->n_contexts--;
	return n;
}

static bool names_list(const struct renderer *r, const struct token *t)
{
	return r->list && strlen(r->list->name) == t->len &&
	       memcmp(r->list->name, t->text, t->len) == 0;
}

static int render_item(struct renderer *r, size_t at, size_t i)
{
	const struct mustache_list *list = r->list;
	json_auto_t *item = list->item(list->ud, i);

	return render_within(r, item, at + 1, r->m->tokens[at].end);
}

static int render_list(struct renderer *r, size_t at)
{
	const struct token *t = &r->m->tokens[at];
	int n = 0;

	if (r->n_contexts > 1)
		return fail_token(r, t, "is within a section of itself");
	if (t->type == TOKEN_INVERTED)
		return r->list->n_items == 0 ? render_range(r, at + 1, t->end) : 0;
	for (size_t i = 0; i < r->list->n_items && n == 0; i++)
		n = render_item(r, at, i);
	return n;
}

static int render_section(struct renderer *r, size_t at)
{
	const struct token *t = &r->m->tokens[at];
	const json_t *value, *item;
	size_t i;
	int n = 0;

	if (names_list(r, t))
		return render_list(r, at);
	value = find_value(r, t);
	if (is_false(value) != (t->type == TOKEN_INVERTED))
		return 0;
	if (t->type == TOKEN_INVERTED)
		return render_range(r, at + 1, t->end);
	if (!json_is_array(value))
		return render_within(r, value, at + 1, t->end);
	json_array_foreach(value, i, item) {
		n = render_within(r, item, at + 1, t->end);
		if (n < 0)
			break;
	}
	return n;
}

static int render_token(struct renderer *r, size_t at)
{
	const struct token *t = &r->m->tokens[at];

	switch (t->type) {
	case TOKEN_TEXT:
		return put(r, t->text, t->len);
	case TOKEN_VALUE:
		return render_value(r, t);
	case TOKEN_SECTION:
	case TOKEN_INVERTED:
		return render_section(r, at);
	case TOKEN_END:
		break;
	}
	return 0;
}

/* A section is one token with all that is in it. */
static size_t after(const struct token *tokens, size_t at)
{
	bool is_section = tokens[at].type == TOKEN_SECTION || tokens[at].type == TOKEN_INVERTED;

	return is_section ? tokens[at].end + 1 : at + 1;
}

static int render_range(struct renderer *r, size_t from, size_t to)
{
	int n = 0;

	for (size_t i = from; i < to && n == 0; i = after(r->m->tokens, i)) {
		n = count_step(r);
		if (n == 0)
			n = render_token(r, i);
	}
	return n;
}

static int render_all(char **ret_text, size_t *ret_len, struct renderer *r, const json_t *view)
{
	int n = render_within(r, view, 0, r->m->n_tokens);

	if (n == 0)
		n = put(r, "", 0); /* there is a buffer even for an empty text */
	if (n != 0) {
		free(r->out);
		return n;
	}
	r->out[r->len] = '\0';
	*ret_len = r->len;
	*ret_text = r->out;
	return 0;
}

int mustache_render(char **ret_text, size_t *ret_len, const struct mustache *m, const json_t *view,
	struct err *e)
{
	struct renderer r = {.m = m, .e = e};

	return render_all(ret_text, ret_len, &r, view);
}

int mustache_render_list(char **ret_text, size_t *ret_len, const struct mustache *m,
	const struct mustache_list *list, struct err *e)
{
	struct renderer r = {.m = m, .list = list, .e = e};
	json_auto_t *view = json_object();

	return render_all(ret_text, ret_len, &r, view);
}
