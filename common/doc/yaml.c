/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/yaml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/yaml_json.h"
#include "doc/yaml_marks.h"
#include "doc/yaml_scalar.h"

/* A value that has a name, for aliases. */
struct anchor {
	char *name;
	json_t *value;
	size_t height;  /* of what nests in it */
	size_t n_nodes; /* all in all */
	struct anchor *next;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	const char *name;   /* NULL: messages say "line L, column C" */
	const char *text;
	size_t len;
	struct yaml_marks *marks; /* NULL: nobody asks */
	size_t depth, n_nodes, n_aliased, max_documents;
	size_t deepest;         /* depth since somebody set it to 0 */
	struct anchor *anchors; /* of the document, the newest first */
	struct err *e;
};

static struct yaml_mark mark_at(const yaml_mark_t *at)
{
	return (struct yaml_mark){(unsigned)at->line + 1, (unsigned)at->column + 1};
}

static int fail_at(struct reader *r, struct yaml_mark at, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int fail_at(struct reader *r, struct yaml_mark at, int code, const char *fmt, ...)
{
	char what[ERR_MSG_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (r->name)
		return err_set(r->e, code, "%s:%u:%u: %s", r->name, at.line, at.column, what);
	return err_set(r->e, code, "line %u, column %u: %s", at.line, at.column, what);
}

/* At the current event. */
#define fail_here(r, ...) fail_at(r, mark_at(&(r)->event.start_mark), __VA_ARGS__)

/* libyaml's reader tells a byte's offset only. */
static struct yaml_mark mark_at_offset(const struct reader *r, size_t offset)
{
	struct yaml_mark at = {1, 1};

	for (size_t i = 0; i < offset && i < r->len; i++) {
		at.column += (r->text[i] & 0xc0) != 0x80; /* characters, not bytes */
		if (r->text[i] == '\n')
			at = (struct yaml_mark){at.line + 1, 1};
	}
	return at;
}

static int fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		mem_exhausted();
	if (p->error == YAML_READER_ERROR)
		return fail_at(r, mark_at_offset(r, p->problem_offset), EINVAL, "%s", p->problem);
	return fail_at(r, mark_at(&p->problem_mark), EINVAL, "%s%s%s", p->problem,
		p->context ? " " : "", p->context ? p->context : "");
}

static int next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	return yaml_parser_parse(&r->parser, &r->event) ? 0 : fail_parser(r);
}

/* The tags that say what is clear without them. */
static int check_tag(struct reader *r, const yaml_char_t *tag, const char *expected)
{
	char quoted[STR_QUOTED_SIZE];

	if (tag && strcmp((const char *)tag, expected) != 0)
		return fail_here(r, EINVAL, "the tag %s is not supported here",
			str_quote(quoted, (const char *)tag));
	return 0;
}

/* With `n_nodes` more values that nest so deep. */
static int check_limits(struct reader *r, size_t height, size_t n_nodes)
{
	if (r->depth + height > r->deepest)
		r->deepest = r->depth + height;
	r->n_nodes += n_nodes;
	if (r->depth + height > LIMIT_DOCUMENT_DEPTH)
		return fail_here(r, EFBIG, "nested deeper than %d", LIMIT_DOCUMENT_DEPTH);
	if (r->n_nodes > LIMIT_DOCUMENT_NODES)
		return fail_here(r, EFBIG, "more than %d values", LIMIT_DOCUMENT_NODES);
	return 0;
}

static void forget_anchors(struct reader *r)
{
	while (r->anchors) {
		struct anchor *a = r->anchors;

		r->anchors = a->next;
		json_decref(a->value);
		free(a->name);
		free(a);
	}
}

/* The name that the current event gives to the value that it starts; NULL: none. */
static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* What was said of the last one of this name counts. */
static int read_alias(struct reader *r, json_t **ret)
{
	const char *name = (const char *)r->event.data.alias.anchor;
	const struct anchor *a = r->anchors;
	char quoted[STR_QUOTED_SIZE];
	int n;

	while (a && strcmp(a->name, name) != 0)
		a = a->next;
	if (!a)
		return fail_here(
			r, EINVAL, "nothing before it is named %s", str_quote(quoted, name));
	r->n_aliased += a->n_nodes;
	if (r->n_aliased > LIMIT_DOCUMENT_ALIASED)
		return fail_here(
			r, EFBIG, "aliases for more than %d values", LIMIT_DOCUMENT_ALIASED);
	n = check_limits(r, a->height, a->n_nodes);
	if (n == 0)
		*ret = json_incref(a->value);
	return n;
}

static bool has_nul(const struct reader *r)
{
	return memchr(r->event.data.scalar.value, 0, r->event.data.scalar.length);
}

/* A text that is one thing has no use for a NUL; of many objects it is one that is wrong. */
static int check_scalar(struct reader *r)
{
	if (r->marks && has_nul(r))
		return fail_here(r, EINVAL, "a string with a NUL character");
	return check_tag(r, r->event.data.scalar.tag, YAML_STR_TAG);
}

static int read_scalar(struct reader *r, json_t **ret)
{
	const char *text = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;
	bool is_plain = r->event.data.scalar.plain_implicit;
	json_t *value = NULL;
	int n = check_scalar(r);

	if (n < 0)
		return n;
	value = is_plain ? yaml_scalar_resolve(text, len) : json_stringn(text, len);
	if (!value)
		return fail_here(r, EINVAL, "not a UTF-8 string");
	*ret = value;
	return 0;
}

static int read_value(struct reader *r, json_t **ret);

static int read_sequence(struct reader *r, json_t **ret)
{
	json_auto_t *array = json_array();
	json_t *item = NULL;
	int n = check_tag(r, r->event.data.sequence_start.tag, YAML_SEQ_TAG);

	while (n == 0 && (n = next_event(r)) == 0 && r->event.type != YAML_SEQUENCE_END_EVENT) {
		n = read_value(r, &item);
		if (n == 0 && json_array_append_new(array, item) < 0)
			mem_exhausted();
	}
	if (n == 0)
		*ret = steal(array);
	return n;
}

/* The key of the current event, which loses it. */
static int take_key(struct reader *r, char **ret, const json_t *object)
{
	char quoted[STR_QUOTED_SIZE];
	const char *key;
	int n;

	if (r->event.type != YAML_SCALAR_EVENT)
		return fail_here(r, EINVAL, "a key must be a string");
	n = check_scalar(r);
	if (n < 0)
		return n;
	if (has_nul(r))
		return fail_here(r, EINVAL, "a key with a NUL character");
	key = (const char *)r->event.data.scalar.value;
	if (json_object_get(object, key))
		return fail_here(r, EINVAL, "duplicate key %s", str_quote(quoted, key));
	*ret = (char *)steal(r->event.data.scalar.value);
	return 0;
}

static int read_member(struct reader *r, json_t *object)
{
	struct yaml_mark at = mark_at(&r->event.start_mark);
	CLEANUP_FREE char *key = NULL;
	json_t *value = NULL;
	int n = take_key(r, &key, object);

	if (n == 0)
		n = next_event(r);
	if (n == 0)
		n = read_value(r, &value);
	if (n < 0)
		return n;
	if (json_object_set_new(object, key, value) < 0)
		return fail_at(r, at, EINVAL, "a key that is no UTF-8 string");
	if (r->marks)
		yaml_marks_add_key(r->marks, object, key, at);
	return 0;
}

static bool is_merge_key(const struct reader *r)
{
	return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.plain_implicit &&
	       strcmp((const char *)r->event.data.scalar.value, "<<") == 0;
}

/* "<<": a mapping, or a list of them, whose members count where there are no others. */
static int read_merge(struct reader *r, json_t *merged)
{
	json_auto_t *value = NULL;
	int n = next_event(r);

	if (n == 0)
		n = read_value(r, &value);
	if (n < 0)
		return n;
	n = json_is_array(value) ? json_array_extend(merged, value)
				 : json_array_append(merged, value);
	if (n < 0)
		mem_exhausted();
	return 0;
}

static void add_merged(struct reader *r, json_t *object, const char *key, json_t *value)
{
	if (json_object_set(object, key, value) < 0)
		mem_exhausted();
	if (r->marks)
		yaml_marks_add_key(r->marks, object, key, mark_at(&r->event.start_mark));
}

/* Of several the first counts. */
static int merge(struct reader *r, json_t *object, const json_t *merged)
{
	json_t *one, *value;
	const char *key;
	size_t i;

	json_array_foreach(merged, i, one) {
		if (!json_is_object(one))
			return fail_here(r, EINVAL, "only mappings can be merged");
		json_object_foreach(one, key, value)
			if (!json_object_get(object, key))
				add_merged(r, object, key, value);
	}
	return 0;
}

static int read_mapping(struct reader *r, json_t **ret)
{
	json_auto_t *object = json_object();
	json_auto_t *merged = json_array(); /* the values of merge keys */
	int n = check_tag(r, r->event.data.mapping_start.tag, YAML_MAP_TAG);

	while (n == 0 && (n = next_event(r)) == 0 && r->event.type != YAML_MAPPING_END_EVENT)
		n = is_merge_key(r) ? read_merge(r, merged) : read_member(r, object);
	if (n == 0)
		n = merge(r, object, merged);
	if (n == 0)
		*ret = steal(object);
	return n;
}

static int read_content(struct reader *r, json_t **ret)
{
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, ret);
	case YAML_SEQUENCE_START_EVENT:
		return read_sequence(r, ret);
	case YAML_MAPPING_START_EVENT:
		return read_mapping(r, ret);
	default:
		return read_alias(r, ret);
	}
}

/* Remembers a value whose first is the `first`th, and that nests down to `deepest`. */
static void add_anchor(struct reader *r, char *name, json_t *value, size_t first, size_t deepest)
{
	struct anchor *a = xnew0(struct anchor);

	a->name = name;
	a->value = json_incref(value);
	a->height = deepest - r->depth;
	a->n_nodes = r->n_nodes - first;
	a->next = r->anchors;
	r->anchors = a;
}

static bool starts_nest(const struct reader *r)
{
	return r->event.type == YAML_SEQUENCE_START_EVENT ||
	       r->event.type == YAML_MAPPING_START_EVENT;
}

/* The value that the current event starts; afterwards the current event is its end. */
static int read_value(struct reader *r, json_t **ret)
{
	struct yaml_mark at = mark_at(&r->event.start_mark);
	const char *anchor = (const char *)anchor_of(&r->event);
	CLEANUP_FREE char *name = anchor ? xstrdup(anchor) : NULL;
	size_t first = r->n_nodes, deepest = r->deepest;
	bool nests = starts_nest(r);
	int n;

	r->deepest = r->depth;
	r->depth += nests;
	n = check_limits(r, 0, 1);
	if (n == 0)
		n = read_content(r, ret);
	r->depth -= nests;
	if (n == 0 && name)
		add_anchor(r, steal(name), *ret, first, r->deepest);
	if (r->deepest < deepest)
		r->deepest = deepest;
	if (n == 0 && r->marks)
		yaml_marks_add(r->marks, *ret, at);
	return n;
}

/* From the event of the document's start to that of its end; null when it is empty. */
static int read_document(struct reader *r, json_t **ret)
{
	json_auto_t *value = NULL;
	int n = next_event(r);

	r->n_nodes = r->n_aliased = 0;
	if (n == 0)
		n = read_value(r, &value);
	forget_anchors(r);
	if (n == 0)
		n = next_event(r);
	if (n == 0)
		*ret = steal(value);
	return n;
}

static int read_documents(struct reader *r, json_t **ret)
{
	json_auto_t *array = json_array();
	json_t *value = NULL;
	int n = next_event(r); /* the start of the stream */

	while (n == 0 && (n = next_event(r)) == 0 && r->event.type == YAML_DOCUMENT_START_EVENT) {
		struct yaml_mark at = mark_at(&r->event.start_mark);

		n = read_document(r, &value);
		if (n < 0 || json_is_null(value))
			continue;
		if (json_array_append_new(array, value) < 0)
			mem_exhausted();
		if (json_array_size(array) > r->max_documents)
			return fail_at(r, at, EFBIG, "more documents than %zu", r->max_documents);
	}
	if (n == 0)
		*ret = steal(array);
	return n;
}

static int parse_yaml(json_t **ret, struct reader *r)
{
	static const struct yaml_mark start = {1, 1};
	int n;

	if (r->len > LIMIT_DOCUMENT_BYTES)
		return fail_at(r, start, EFBIG, "larger than %d bytes", LIMIT_DOCUMENT_BYTES);
	if (!yaml_parser_initialize(&r->parser))
		mem_exhausted();
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->len);
	n = read_documents(r, ret);
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	return n;
}

int yaml_parse(json_t **ret_array, const char *text, size_t len, struct err *e)
{
	struct reader r = {.text = text, .len = len, .max_documents = LIMIT_DOCUMENTS, .e = e};
	json_t *value = yaml_json_parse(text, len);

	if (!value)
		return parse_yaml(ret_array, &r);
	*ret_array = json_pack("[o]", value);
	return 0;
}

int yaml_parse_located(json_t **ret, struct yaml_marks **ret_marks, const char *name,
	const char *text, size_t len, struct err *e)
{
	CLEANUP(yaml_marks_freep) struct yaml_marks *marks = yaml_marks_new();
	struct reader r = {
		.text = text, .len = len, .name = name, .marks = marks, .max_documents = 1, .e = e};
	json_auto_t *documents = NULL;
	int n = parse_yaml(&documents, &r);

	if (n < 0)
		return n;
	yaml_marks_seal(marks);
	*ret = json_array_size(documents) ? json_incref(json_array_get(documents, 0))
					  : json_object();
	*ret_marks = steal(marks);
	return 0;
}
