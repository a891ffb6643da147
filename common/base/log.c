/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/str.h"

static struct {
	enum log_level level;
	enum log_format format;
} logger = {LOG_INFO, LOG_LOGFMT};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level level, enum log_format format)
{
	logger.level = level;
	logger.format = format;
}

static bool is_bare(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || strchr("\"=\\", *s))
			return false;
	return true;
}

/* JSON's escapes serve logfmt too. UTF-8 passes, control bytes do not. */
static void put_quoted(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_key(FILE *out, const char *key, bool first)
{
	if (logger.format == LOG_JSON)
		fprintf(out, "%s\"%s\":", first ? "" : ",", key);
	else
		fprintf(out, "%s%s=", first ? "" : " ", key);
}

static void put_str(FILE *out, const char *s)
{
	if (logger.format == LOG_LOGFMT && is_bare(s))
		fputs(s, out);
	else
		put_quoted(out, s);
}

static void put_time(FILE *out)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	put_key(out, "time", true);
	fprintf(out, logger.format == LOG_JSON ? "\"%s.%03ldZ\"" : "%s.%03ldZ", text,
		now.tv_nsec / 1000000);
}

static void put_field(FILE *out, const struct log_field *f)
{
	if (f->type == LOG_FIELD_STR && !f->str)
		return;
	put_key(out, f->key, false);
	switch (f->type) {
	case LOG_FIELD_STR:
		put_str(out, f->str);
		break;
	case LOG_FIELD_INT:
		fprintf(out, "%" PRId64, f->num);
		break;
	case LOG_FIELD_MSEC:
		fprintf(out, "%" PRIu64 ".%03" PRIu64, f->unum / 1000, f->unum % 1000);
		break;
	case LOG_FIELD_UINT:
	case LOG_FIELD_END:
		fprintf(out, "%" PRIu64, f->unum);
		break;
	}
}

static void write_line(char *line, size_t size, size_t len)
{
	static const char cut[] = "...\n";

	if (len >= size) {
		memcpy(line + size - sizeof cut, cut, sizeof cut);
		len = size - 1;
	}
	/* One write a line: lines of a pod's processes never mix. A lost line must not end us. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	char line[LIMIT_LOG_LINE + 1024];
	FILE *out;
	size_t len;

	if (level < logger.level)
		return;
	out = fmemopen(line, sizeof line, "w");
	if (!out)
		return;
	if (logger.format == LOG_JSON)
		fputc('{', out);
	put_time(out);
	put_key(out, "level", false);
	put_str(out, level_names[level]);
	put_key(out, "event", false);
	put_str(out, event);
	for (; fields->type != LOG_FIELD_END; fields++)
		put_field(out, fields);
	fputs(logger.format == LOG_JSON ? "}\n" : "\n", out);
	fflush(out);
	len = (size_t)ftell(out);
	fclose(out);
	write_line(line, sizeof line, len);
}

int log_level_parse(enum log_level *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "%s is not a log level; use debug, info, warn or error",
		str_quote(quoted, text));
}

int log_format_parse(enum log_format *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (strcmp(text, "logfmt") != 0 && strcmp(text, "json") != 0)
		return err_set(e, EINVAL, "%s is not a log format; use logfmt or json",
			str_quote(quoted, text));
	*ret = text[0] == 'j' ? LOG_JSON : LOG_LOGFMT;
	return 0;
}
