/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_CHARS = 60, DATE_LEN = 26 /* "Mon Nov 23 17:19:23 2026: " */ };

static bool parse_digits(uint64_t *ret, const char *text, size_t len)
{
	uint64_t value = 0;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

int str_to_u64(uint64_t *ret, const char *text, uint64_t min, uint64_t max, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	uint64_t value;

	if (!parse_digits(&value, text, strlen(text)) || value < min || value > max)
		return err_set(e, EINVAL, "%s is not a number from %" PRIu64 " to %" PRIu64,
			str_quote(quoted, text), min, max);
	*ret = value;
	return 0;
}

int str_choice(unsigned *ret, const char *text, const char *const words[], struct err *e)
{
	char quoted[STR_QUOTED_SIZE], known[128] = "";
	size_t at = 0;

	for (unsigned i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i;
			return 0;
		}
		if (at < sizeof known)
			at += (size_t)snprintf(
				known + at, sizeof known - at, "%s%s", i ? ", " : "", words[i]);
	}
	return err_set(e, EINVAL, "%s is none of %s", str_quote(quoted, text), known);
}

int str_to_bool(bool *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];

	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(e, EINVAL, "%s is neither true nor false", str_quote(quoted, text));
	*ret = text[0] == 't';
	return 0;
}

static const struct {
	const char *suffix;
	uint64_t usec;
} units[] = {
	{"h", 3600000000},
	{"m", 60000000},
	{"s", 1000000},
	{"ms", 1000},
	{"us", 1},
};

enum { N_UNITS = sizeof units / sizeof units[0] };

/* The unit with this name, from `first` on; N_UNITS if there is none. */
static size_t find_unit(const char *name, size_t len, size_t first)
{
	while (first < N_UNITS &&
		(strlen(units[first].suffix) != len || memcmp(units[first].suffix, name, len) != 0))
		first++;
	return first;
}

/* Numbers with their units, the larger ones first. */
static bool parse_duration(uint64_t *ret, const char *text)
{
	uint64_t value, usec, sum = 0;
	size_t unit = 0;

	if (!*text)
		return false;
	while (*text) {
		size_t digits = strspn(text, "0123456789");
		size_t len = strcspn(text + digits, "0123456789");

		unit = find_unit(text + digits, len, unit);
		if (unit == N_UNITS || !parse_digits(&value, text, digits) ||
			__builtin_mul_overflow(value, units[unit].usec, &usec) ||
			__builtin_add_overflow(sum, usec, &sum))
			return false;
		text += digits + len;
		unit++;
	}
	*ret = sum;
	return true;
}

int str_to_usec(uint64_t *ret, const char *text, uint64_t min, uint64_t max, struct err *e)
{
	char quoted[STR_QUOTED_SIZE], lowest[32], highest[32];
	uint64_t value;
	bool is_duration = parse_duration(&value, text);

	if (!is_duration || value < min || value > max)
		return err_set(e, EINVAL, "%s is not a duration from %s to %s%s",
			str_quote(quoted, text), str_from_usec(lowest, min),
			str_from_usec(highest, max),
			is_duration ? "" : "; the units are us, ms, s, m and h");
	*ret = value;
	return 0;
}

const char *str_from_usec(char ret_buf[static 32], uint64_t usec)
{
	size_t i = 0;

	if (usec == 0)
		return memcpy(ret_buf, "0s", sizeof "0s");
	while (usec % units[i].usec != 0)
		i++;
	snprintf(ret_buf, 32, "%" PRIu64 "%s", usec / units[i].usec, units[i].suffix);
	return ret_buf;
}

bool str_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *str_skip_date(const char *line)
{
	bool has_one = strlen(line) > DATE_LEN && isupper((unsigned char)line[0]) &&
		       line[13] == ':' && line[DATE_LEN - 2] == ':';

	return has_one ? line + DATE_LEN : line;
}

const char *str_quote(char ret_buf[static STR_QUOTED_SIZE], const char *text)
{
	size_t at = 0, i;

	ret_buf[at++] = '\'';
	for (i = 0; i < QUOTED_CHARS && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\')
			ret_buf[at++] = (char)c;
		else
			at += (size_t)snprintf(ret_buf + at, STR_QUOTED_SIZE - at, "\\x%02x", c);
	}
	snprintf(ret_buf + at, STR_QUOTED_SIZE - at, text[i] ? "...'" : "'");
	return ret_buf;
}
