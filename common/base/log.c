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
#include "base/mem.h"
#include "base/str.h"

static struct {
	enum log_level level;
	enum log_format format;
	FILE *out; /* into `line` */
	char *line;
	size_t len;
} logger = {.level = LOG_INFO, .format = LOG_LOGFMT};

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

/* Well-formed characters by their first byte (RFC 3629, section 4); later bytes are 80-BF. */
static const struct {
	unsigned char first_min, first_max, second_min, second_max, len;
} utf8[] = {
	{0x01, 0x7f, 0x00, 0xff, 1}, /* the second byte is of the next character */
	{0xc2, 0xdf, 0x80, 0xbf, 2},
	{0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3},
	{0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* The bytes of the UTF-8 character that `s` starts with, or 0. */
static size_t utf8_len(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	size_t i = 0;

	while (i < sizeof utf8 / sizeof utf8[0] && c[0] > utf8[i].first_max)
		i++;
	if (i == sizeof utf8 / sizeof utf8[0] || c[0] < utf8[i].first_min ||
		c[1] < utf8[i].second_min || c[1] > utf8[i].second_max)
		return 0;
	for (size_t at = 2; at < utf8[i].len; at++)
		if ((c[at] & 0xc0) != 0x80)
			return 0;
	return utf8[i].len;
}

/* Whether the character of this many bytes that `s` starts with may not be in a JSON string. */
static bool needs_escape(const char *s, size_t len)
{
	return len == 0 || (unsigned char)*s < 0x20 || *s == 0x7f || *s == '"' || *s == '\\';
}

/* Writes the first character of `s` (or the byte, if it starts none), escaped for a JSON string. */
static size_t put_escaped(FILE *out, const char *s, size_t len)
{
	static const char escaped[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	const char *found = strchr(escaped, *s);
	int n;

	if (len == 0)
		n = fprintf(out, "\xef\xbf\xbd"); /* U+FFFD */
	else if (found)
		n = fprintf(out, "\\%c", letters[found - escaped]);
	else
		n = fprintf(out, "\\u%04x", (unsigned char)*s);
	return n < 0 ? 0 : (size_t)n;
}

/* JSON's string serves logfmt too. A value that would be too long ends in "...". */
static void put_quoted(FILE *out, const char *s)
{
	size_t written = 0;

	fputc('"', out);
	while (*s && written < LIMIT_LOG_LINE) {
		size_t len = utf8_len(s);

		written += needs_escape(s, len) ? put_escaped(out, s, len) : fwrite(s, 1, len, out);
		s += len ? len : 1;
	}
	fputs(*s ? "...\"" : "\"", out);
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
	if (logger.format == LOG_LOGFMT && is_bare(s) && strlen(s) <= LIMIT_LOG_LINE)
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

static void put_line(
	FILE *out, enum log_level level, const char *event, const struct log_field *fields)
{
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
}

/* Memory for lines, which stays: it is cleared whenever it is made. */
static void begin_line(void)
{
	if (!logger.out)
		logger.out = open_memstream(&logger.line, &logger.len);
	if (!logger.out)
		mem_exhausted();
	rewind(logger.out);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	if (level < logger.level)
		return;
	begin_line();
	put_line(logger.out, level, event, fields);
	if (fflush(logger.out) != 0)
		mem_exhausted();
	/* One write, so that the lines of a pod's processes do not mix; losing one must not end us.
	 */
	if (write(STDERR_FILENO, logger.line, logger.len) < 0)
		return;
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
