/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Cuts a stream of bytes into lines, wherever the pieces end: a watch sends one JSON document a
 * line. Pure. A line in one piece is not copied.
 */
struct lines {
	char *partial; /* what came of a line that is not complete; owned */
	size_t len, size;
	size_t max; /* bytes of one line; set by the owner */
};

/*
 * Takes `len` more bytes and calls `on_line` for each line that they complete, without its end
 * ("\n" or "\r\n"); empty lines are left out. Stops with the first negative result of on_line and
 * gives it back. -EFBIG for a line over `max`. After an error only lines_done may follow.
 */
int lines_feed(struct lines *l, const char *data, size_t len,
	int (*on_line)(void *ud, const char *line, size_t len, struct err *e), void *ud,
	struct err *e);

/* How many bytes of an incomplete line there are. */
size_t lines_pending(const struct lines *l);

/* Forgets an incomplete line and frees its memory; usable again afterwards. */
void lines_done(struct lines *l);
