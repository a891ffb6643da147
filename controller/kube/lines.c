/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/lines.h"

#include <string.h>

#include "base/mem.h"

/* A buffer that is kept for the next line; larger ones were made by a rare object. */
enum { BUFFER_KEPT = 64 * 1024 };

typedef int on_line_fn(void *ud, const char *line, size_t len, struct err *e);

static int too_long(const struct lines *l, struct err *e)
{
	return err_set(e, EFBIG, "a line of more than %zu bytes", l->max);
}

/* Of a line that may lack its "\n": without the "\r" before it. */
static size_t content_len(const char *line, size_t len)
{
	return len > 0 && line[len - 1] == '\r' ? len - 1 : len;
}

/* With the piece that ends a line, or one that does not yet. */
static int keep(struct lines *l, const char *data, size_t len, struct err *e)
{
	size_t total = l->len + len;

	if (len == 0)
		return 0;
	/* One byte more may be the "\r" of its end. */
	if (total > l->max && (total > l->max + 1 || data[len - 1] != '\r'))
		return too_long(l, e);
	if (total > l->size) {
		size_t twice = l->size * 2 < l->max + 1 ? l->size * 2 : l->max + 1;

		l->size = total > twice ? total : twice;
		l->partial = xreallocarray(l->partial, l->size, 1);
	}
	memcpy(l->partial + l->len, data, len);
	l->len = total;
	return 0;
}

static int give(const struct lines *l, const char *line, size_t len, on_line_fn *on_line, void *ud,
	struct err *e)
{
	int r;

	len = content_len(line, len);
	if (len > l->max)
		return too_long(l, e);
	if (len == 0)
		return 0;
	r = on_line(ud, line, len, e);
	return r < 0 ? r : 0;
}

static int give_partial(struct lines *l, on_line_fn *on_line, void *ud, struct err *e)
{
	int r = give(l, l->partial, l->len, on_line, ud, e);

	l->len = 0;
	if (l->size > BUFFER_KEPT)
		lines_done(l);
	return r;
}

int lines_feed(
	struct lines *l, const char *data, size_t len, on_line_fn *on_line, void *ud, struct err *e)
{
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		int r;

		if (!end)
			return keep(l, data, n, e);
		if (l->len == 0) {
			r = give(l, data, n, on_line, ud, e);
		} else {
			r = keep(l, data, n, e);
			if (r == 0)
				r = give_partial(l, on_line, ud, e);
		}
		if (r < 0)
			return r;
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}

size_t lines_pending(const struct lines *l)
{
	return l->len;
}

void lines_done(struct lines *l)
{
	free(l->partial);
	*l = (struct lines){.max = l->max};
}
