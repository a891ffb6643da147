/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/mustache_tokens.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

struct parser {
	struct mustache *m;
	const char *at, *end;
	const char *line_counted; /* `line` is that of this place */
	unsigned line;
	size_t open[LIMIT_TEMPLATE_DEPTH]; /* indices of the sections around `at` */
	size_t n_open;
	struct err *e;
};

/* "{{", its inside, "}}" */
struct tag {
	const char *start, *end;
	char sigil; /* '#', '^', '/', '!', ... or 0 */
	const char *name;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

static unsigned line_of(struct parser *p, const char *place)
{
	for (; p->line_counted < place; p->line_counted++)
		p->line += *p->line_counted == '\n';
	return p->line;
}

static int fail_tag(struct parser *p, const struct tag *t, const char *why)
{
	return err_set(p->e, EINVAL, "line %u: %s", line_of(p, t->start), why);
}

static void add_token(struct parser *p, enum token_type type, const char *text, size_t len)
{
	struct mustache *m = p->m;

	if (m->n_tokens % 64 == 0)
		m->tokens = xreallocarray(m->tokens, m->n_tokens + 64, sizeof *m->tokens);
	m->tokens[m->n_tokens++] =
		(struct token){.type = type, .line = line_of(p, text), .text = text, .len = len};
}

static void trim_name(struct tag *t)
{
	while (t->len && is_space(t->name[0])) {
		t->name++;
		t->len--;
	}
	while (t->len && is_space(t->name[t->len - 1]))
		t->len--;
}

/* Finds the end of the tag that `start` begins. */
static int scan_tag(struct parser *p, struct tag *ret, const char *start)
{
	struct tag t = {.start = start, .name = start + 2};
	const char *closing = "}}", *close;

	if (t.name < p->end && *t.name == '{')
		closing = "}}}";
	if (t.name < p->end && strchr("#^/!&>=$<{", *t.name) && *t.name)
		t.sigil = *t.name++;
	close = memmem(t.name, (size_t)(p->end - t.name), closing, strlen(closing));
	if (!close)
		return fail_tag(p, &t, "a tag is opened but never closed");
	t.len = (size_t)(close - t.name);
	t.end = close + strlen(closing);
	trim_name(&t);
	*ret = t;
	return 0;
}

/* "." or names joined by dots. */
static int check_name(struct parser *p, const struct tag *t)
{
	char prev = '.';

	if (t->len == 1 && t->name[0] == '.')
		return 0;
	for (size_t i = 0; i < t->len; i++) {
		char c = t->name[i];

		if (is_space(c) || c == '{' || c == '}' || !c || (c == '.' && prev == '.'))
			return fail_tag(p, t, "a tag's name is no name");
		prev = c;
	}
	return prev == '.' ? fail_tag(p, t, "a tag without a complete name") : 0;
}

static int open_section(struct parser *p, const struct tag *t)
{
	if (p->n_open == LIMIT_TEMPLATE_DEPTH)
		return fail_tag(p, t, "sections are nested too deep");
	p->open[p->n_open++] = p->m->n_tokens;
	add_token(p, t->sigil == '#' ? TOKEN_SECTION : TOKEN_INVERTED, t->name, t->len);
	return 0;
}

static int close_section(struct parser *p, const struct tag *t)
{
	char name[STR_QUOTED_SIZE];
	struct token *opener;

	if (p->n_open == 0)
		return fail_tag(p, t, "a section is closed that was not opened");
	opener = &p->m->tokens[p->open[--p->n_open]];
	if (opener->len != t->len || memcmp(opener->text, t->name, t->len) != 0) {
		CLEANUP_FREE char *copy = xasprintf("%.*s", (int)opener->len, opener->text);

		return err_set(p->e, EINVAL, "line %u: section %s of line %u must be closed first",
			line_of(p, t->start), str_quote(name, copy), opener->line);
	}
	opener->end = p->m->n_tokens;
	add_token(p, TOKEN_END, t->name, t->len);
	return 0;
}

static const char *why_refused(char sigil)
{
	switch (sigil) {
	case '>':
		return "partials, {{> }}, are not supported";
	case '=':
		return "changing delimiters, {{= }}, is not supported";
	case '$':
	case '<':
		return "blocks and parents, {{$ }} and {{< }}, are not supported";
	default:
		return NULL;
	}
}

static int take_tag(struct parser *p, const struct tag *t)
{
	int r;

	if (t->sigil == '!')
		return 0;
	if (why_refused(t->sigil))
		return fail_tag(p, t, why_refused(t->sigil));
	r = check_name(p, t);
	if (r < 0)
		return r;
	if (t->sigil == '#' || t->sigil == '^')
		return open_section(p, t);
	if (t->sigil == '/')
		return close_section(p, t);
	add_token(p, TOKEN_VALUE, t->name, t->len);
	return 0;
}

/*
 * A tag that prints nothing and is alone on its line takes the line with it: *ret_before is then
 * where the line starts, *ret_after where the next one does.
 */
static void widen_standalone(const struct parser *p, const struct tag *t, const char **ret_before,
	const char **ret_after)
{
	const char *before = t->start, *after = t->end;

	while (before > p->m->text && is_blank(before[-1]))
		before--;
	while (after < p->end && is_blank(*after))
		after++;
	if (after < p->end - 1 && after[0] == '\r' && after[1] == '\n')
		after++;
	if ((before > p->m->text && before[-1] != '\n') || (after < p->end && *after != '\n'))
		return;
	*ret_before = before;
	*ret_after = after < p->end ? after + 1 : after;
}

/* The text up to the next tag, and the tag. */
static int parse_step(struct parser *p)
{
	const char *before = memmem(p->at, (size_t)(p->end - p->at), "{{", 2), *after;
	const char *text = p->at;
	struct tag t = {0};
	int r;

	if (!before) {
		add_token(p, TOKEN_TEXT, text, (size_t)(p->end - text));
		p->at = p->end;
		return 0;
	}
	r = scan_tag(p, &t, before);
	if (r < 0)
		return r;
	after = t.end;
	if (t.sigil && t.sigil != '&' && t.sigil != '{')
		widen_standalone(p, &t, &before, &after);
	if (before > text)
		add_token(p, TOKEN_TEXT, text, (size_t)(before - text));
	p->at = after;
	return take_tag(p, &t);
}

static int parse(struct parser *p)
{
	int r = 0;

	while (r == 0 && p->at < p->end)
		r = parse_step(p);
	if (r == 0 && p->n_open)
		return err_set(p->e, EINVAL, "line %u: a section is opened but never closed",
			p->m->tokens[p->open[p->n_open - 1]].line);
	return r;
}

int mustache_parse(struct mustache **ret, const char *text, size_t len, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	struct parser p;
	int r;

	if (len > LIMIT_TEMPLATE_BYTES)
		return err_set(e, EFBIG, "line 1: larger than %d bytes", LIMIT_TEMPLATE_BYTES);
	m = xnew0(struct mustache);
	m->text = xcalloc(len + 1, 1);
	m->len = len;
	if (len)
		memcpy(m->text, text, len);
	p = (struct parser){.m = m,
		.at = m->text,
		.end = m->text + len,
		.line_counted = m->text,
		.line = 1,
		.e = e};
	r = parse(&p);
	if (r == 0)
		*ret = steal(m);
	return r;
}

int mustache_load(struct mustache **ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_TEMPLATE_BYTES, e);

	if (r < 0)
		return r;
	r = mustache_parse(ret, text, len, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

bool mustache_is(const struct mustache *m, const char *text, size_t len)
{
	return m->len == len && memcmp(m->text, text, len) == 0;
}

struct mustache *mustache_free(struct mustache *m)
{
	if (m) {
		free(m->tokens);
		free(m->text);
	}
	free(m);
	return NULL;
}
