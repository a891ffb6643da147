/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/* A connection to BIRD's control socket, on which nothing blocks. */
struct bird_line;

struct bird_line_ops {
	/* A whole answer to what was asked (bfd/bird_api.h); borrowed. It may ask again. */
	void (*on_answer)(void *ud, const char *text, size_t len);
	/* It has ended, or an answer is longer than LIMIT_BIRD_ANSWER. It may close the line. */
	void (*on_end)(void *ud, const char *why);
};

/* `path` is the socket's. Errors: those of connect(2), such as -ENOENT; -ENAMETOOLONG. */
int bird_line_open(struct bird_line **ret, sd_event *loop, const char *path,
	const struct bird_line_ops *ops, void *ud, struct err *e);

/* One question at a time; `question` ends with a line end. */
int bird_line_ask(struct bird_line *l, const char *question, struct err *e);

struct bird_line *bird_line_close(struct bird_line *l);
DEFINE_CLEANUP(struct bird_line *, bird_line_close);
