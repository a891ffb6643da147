/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "kube/lines.h"

/* The first byte is how long a line may be, the second says how the rest is cut. */

struct heard {
	char *text; /* the lines, each with a "\n" behind it */
	size_t len, max;
};

static int on_line(void *ud, const char *line, size_t len, struct err *e)
{
	struct heard *h = ud;

	(void)e;
	FUZZ_CHECK(len > 0 && len <= h->max && !memchr(line, '\n', len));
	memcpy(h->text + h->len, line, len);
	h->text[h->len + len] = '\n';
	h->len += len + 1;
	return 0;
}

static int feed(struct heard *h, const uint8_t *data, size_t len, size_t step)
{
	struct lines l = {.max = h->max};
	struct err e = {0};
	int r = 0;

	for (size_t at = 0; at < len && r == 0; at += step) {
		/* Of the exact size, so that the address sanitizer sees a read past the end. */
		size_t n = len - at < step ? len - at : step;
		CLEANUP_FREE char *piece = xcalloc(n, 1);

		memcpy(piece, data + at, n);
		r = lines_feed(&l, piece, n, on_line, h, &e);
		FUZZ_CHECK(lines_pending(&l) <= h->max + 1);
	}
	FUZZ_CHECK(r == 0 || (r == -EFBIG && e.code == EFBIG && e.msg[0]));
	lines_done(&l);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t max = len > 0 ? data[0] : 0, step = len > 1 ? data[1] + 1u : 1;
	CLEANUP_FREE char *first = xcalloc(len + 1, 1), *second = xcalloc(len + 1, 1);
	struct heard whole = {first, 0, max}, cut = {second, 0, max};
	int r;

	if (len < 3)
		return 0;
	r = feed(&whole, data + 2, len - 2, len);
	FUZZ_CHECK(feed(&cut, data + 2, len - 2, step) == r);
	FUZZ_CHECK(whole.len == cut.len && memcmp(first, second, cut.len) == 0);
	return 0;
}
