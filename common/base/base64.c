/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t len)
{
	const uint8_t *in = bytes;
	char *text = xcalloc(len / 3 * 4 + 5, 1), *out = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i;
		uint32_t word = (uint32_t)in[i] << 16;

		if (n > 1)
			word |= (uint32_t)in[i + 1] << 8;
		if (n > 2)
			word |= in[i + 2];
		*out++ = digits[word >> 18];
		*out++ = digits[word >> 12 & 63];
		*out++ = n > 1 ? digits[word >> 6 & 63] : '=';
		*out++ = n > 2 ? digits[word & 63] : '=';
	}
	return text;
}

/* The text without line ends. */
static char *on_one_line(const char *text)
{
	char *copy = xcalloc(strlen(text) + 1, 1), *out = copy;

	for (; *text; text++)
		if (*text != '\n' && *text != '\r')
			*out++ = *text;
	return copy;
}

/* How many digits there are before the padding; SIZE_MAX if the padding is not right. */
static size_t digits_of(const char *text, size_t len)
{
	size_t n = len;

	while (n > 0 && len - n < 2 && text[n - 1] == '=')
		n--;
	return len % 4 == 0 ? n : SIZE_MAX;
}

int base64_decode(char **ret_bytes, size_t *ret_len, const char *text, struct err *e)
{
	CLEANUP_FREE char *in = on_one_line(text);
	size_t n = digits_of(in, strlen(in)), len = 0;
	CLEANUP_FREE char *bytes = NULL;
	uint32_t word = 0;

	if (n == SIZE_MAX)
		return err_set(e, EINVAL, "not base64: its length is no multiple of 4");
	bytes = xcalloc(n / 4 * 3 + 4, 1);
	for (size_t i = 0; i < n; i++) {
		const char *digit = strchr(digits, in[i]);

		if (!digit)
			return err_set(e, EINVAL, "not base64: character %zu is none of it", i + 1);
		word = word << 6 | (uint32_t)(digit - digits);
		if (i % 4 > 0)
			bytes[len++] = (char)(word >> (6 - 2 * (i % 4)) & 0xff);
	}
	/* The bits of the last digit that stand for nothing. */
	if (n % 4 > 0 && word & (n % 4 == 2 ? 15 : 3))
		return err_set(e, EINVAL, "not base64: it ends within a byte");
	*ret_bytes = steal(bytes);
	*ret_len = len;
	return 0;
}
