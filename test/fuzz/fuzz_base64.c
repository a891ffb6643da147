/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "fuzz.h"

static void check_round_trip(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = base64_encode(data, len), *bytes = NULL;
	struct err e = {0};
	size_t n;

	FUZZ_CHECK(base64_decode(&bytes, &n, text, &e) == 0);
	FUZZ_CHECK(n == len && (len == 0 || memcmp(bytes, data, len) == 0));
}

/* What is let in is what would be written, but for line ends. */
static void check_decode(const char *text)
{
	CLEANUP_FREE char *bytes = NULL, *again = NULL;
	struct err e = {0};
	size_t n;

	if (base64_decode(&bytes, &n, text, &e) < 0) {
		FUZZ_CHECK(e.code == EINVAL && e.msg[0] && !bytes);
		return;
	}
	FUZZ_CHECK(bytes[n] == '\0');
	again = base64_encode(bytes, n);
	for (const char *c = again; *c; c++) {
		text += strspn(text, "\r\n");
		FUZZ_CHECK(*text++ == *c);
	}
	FUZZ_CHECK(!text[strspn(text, "\r\n")]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);

	if (len)
		memcpy(text, data, len);
	check_round_trip(data, len);
	check_decode(text);
	return 0;
}
