/* SPDX-License-Identifier: Apache-2.0 */
#include "check/findings.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a program printed may be anything; JSON is UTF-8, and a finding is one line. */
static char *one_line(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static char *one_line(const char *fmt, va_list args)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out || vfprintf(out, fmt, args) < 0 || fclose(out) != 0)
		mem_exhausted();
	for (char *at = text; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = isspace((unsigned char)*at) ? ' ' : '?';
	return text;
}

/* `found` is consumed. */
static void add(struct findings *f, enum finding_level level, const char *check, char *found,
	const char *remedy)
{
	f->items = xreallocarray(f->items, f->n_items + 1, sizeof *f->items);
	f->items[f->n_items++] = (struct finding){
		.level = level,
		.check = check,
		.found = found,
		.remedy = remedy ? xstrdup(remedy) : NULL,
	};
}

void findings_ok(struct findings *f, const char *check, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(f, FINDING_OK, check, one_line(fmt, args), NULL);
	va_end(args);
}

void findings_bad(struct findings *f, enum finding_level level, const char *check,
	const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(f, level, check, one_line(fmt, args), remedy);
	va_end(args);
}

size_t findings_count(const struct findings *f, enum finding_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++)
		n += f->items[i].level == level;
	return n;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {"ok", "warning", "error"};

	return names[level];
}

static int widest_check(const struct findings *f)
{
	size_t widest = 0;

	for (size_t i = 0; i < f->n_items; i++) {
		size_t len = strlen(f->items[i].check);

		widest = len > widest ? len : widest;
	}
	return (int)widest;
}

static void print_summary(FILE *out, const struct findings *f)
{
	size_t errors = findings_count(f, FINDING_ERROR);
	size_t warnings = findings_count(f, FINDING_WARNING);

	fprintf(out, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
		warnings == 1 ? "" : "s");
}

char *findings_text(const struct findings *f)
{
	int width = widest_check(f);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		mem_exhausted();
	for (size_t i = 0; i < f->n_items; i++) {
		const struct finding *one = &f->items[i];

		fprintf(out, "%-7s  %-*s  %s\n", finding_level_name(one->level), width, one->check,
			one->found);
		if (one->remedy)
			fprintf(out, "%-7s  %-*s  remedy: %s\n", "", width, "", one->remedy);
	}
	print_summary(out, f);
	if (fclose(out) != 0)
		mem_exhausted();
	return text;
}

static json_t *finding_json(const struct finding *one)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "check", one->check, "level",
		finding_level_name(one->level), "found", one->found);

	if (object && one->remedy)
		json_object_set_new(object, "remedy", json_string(one->remedy));
	return object;
}

json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_items; i++)
		if (json_array_append_new(list, finding_json(&f->items[i])) < 0)
			mem_exhausted();
	return json_pack("{s:I, s:I, s:o}", "errors", (json_int_t)findings_count(f, FINDING_ERROR),
		"warnings", (json_int_t)findings_count(f, FINDING_WARNING), "findings", list);
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n_items; i++) {
		free(f->items[i].found);
		free(f->items[i].remedy);
	}
	free(f->items);
	*f = (struct findings){0};
}
