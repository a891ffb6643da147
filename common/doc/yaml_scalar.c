/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/yaml_scalar.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* No number is longer: a 64-bit one in binary has its sign, prefix and 64 digits. */
enum { NUMBER_MAX = 80 };

static json_t *null_value(void)
{
	return json_null();
}

static json_t *true_value(void)
{
	return json_true();
}

static json_t *false_value(void)
{
	return json_false();
}

static const struct {
	const char *word;
	json_t *(*value)(void);
} words[] = {
	{"", null_value},
	{"~", null_value},
	{"null", null_value},
	{"true", true_value},
	{"yes", true_value},
	{"on", true_value},
	{"y", true_value},
	{"false", false_value},
	{"no", false_value},
	{"off", false_value},
	{"n", false_value},
};

/* "word", "Word" or "WORD", not "wORD". */
static bool is_word(const char *text, size_t len, const char *word)
{
	bool upper = len > 1 && isupper((unsigned char)text[0]) && isupper((unsigned char)text[1]);

	if (len != strlen(word))
		return false;
	for (size_t i = 0; i < len; i++) {
		int expected = upper || (i == 0 && isupper((unsigned char)text[0]))
				       ? toupper((unsigned char)word[i])
				       : word[i];

		if (text[i] != expected)
			return false;
	}
	return true;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT32_MAX;
}

/* The base that a prefix names, and *ret_digits behind the prefix. */
static unsigned base_of(const char **ret_digits, const char *text)
{
	static const struct {
		char letter;
		unsigned base;
	} prefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};

	*ret_digits = text;
	if (text[0] != '0' || !text[1])
		return 10;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (tolower((unsigned char)text[1]) == prefixes[i].letter) {
			*ret_digits = text + 2;
			return prefixes[i].base;
		}
	}
	*ret_digits = text + 1;
	return 8;
}

static json_t *resolve_integer(const char *text)
{
	bool negative = text[0] == '-';
	const char *digits;
	unsigned base = base_of(&digits, text + (negative || text[0] == '+'));
	json_int_t value = 0;

	if (!*digits)
		return NULL;
	for (; *digits; digits++) {
		unsigned digit = digit_value(*digits);
		json_int_t step = negative ? -(json_int_t)digit : (json_int_t)digit;

		if (digit >= base || __builtin_mul_overflow(value, (json_int_t)base, &value) ||
			__builtin_add_overflow(value, step, &value))
			return NULL;
	}
	return json_integer(value);
}

/* [-+]? (\.[0-9]+ | [0-9]+(\.[0-9]*)?) ([eE][-+]?[0-9]+)? */
static bool is_real(const char *text)
{
	static const char digits[] = "0123456789";
	size_t before, after = 0;

	text += *text == '-' || *text == '+';
	before = strspn(text, digits);
	text += before;
	if (*text == '.') {
		after = strspn(++text, digits);
		text += after;
	}
	if (before + after == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		if (!isdigit((unsigned char)*text))
			return false;
		text += strspn(text, digits);
	}
	return !*text;
}

static json_t *resolve_real(const char *text)
{
	double value = is_real(text) ? strtod(text, NULL) : NAN;

	return isfinite(value) ? json_real(value) : NULL;
}

static json_t *resolve_number(const char *text, size_t len)
{
	char plain[NUMBER_MAX + 1];
	size_t n = 0;
	json_t *value;

	if (len > NUMBER_MAX || !strchr("+-.0123456789", text[0]))
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (text[i] != '_')
			plain[n++] = text[i];
	plain[n] = '\0';
	value = resolve_integer(plain);
	return value ? value : resolve_real(plain);
}

json_t *yaml_scalar_resolve(const char *text, size_t len)
{
	json_t *number;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (is_word(text, len, words[i].word))
			return words[i].value();
	number = resolve_number(text, len);
	return number ? number : json_stringn(text, len);
}
