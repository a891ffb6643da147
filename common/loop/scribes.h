/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * Answers that take long are written by forked children, one each, while the loop goes on. A child
 * sees the program as it was when it was asked. It must not use connections to others that we have:
 * answers would get mixed up.
 */
struct scribes;

enum { SCRIBES_TIME = 60 /* s that one may take, also with a reader that is slow */ };

struct scribes *scribes_new(sd_event *loop) __attribute__((warn_unused_result));
/* Ends those at work; their `done` is not called. */
struct scribes *scribes_free(struct scribes *s);

/*
 * Has a child call fn(arg, out) with a stream to `fd`, which the caller may close at once. `done`
 * is called from the loop when the child has ended: 0 if all is written. It may be NULL. Errors:
 * -EBUSY when LIMIT_SCRIBES are at work.
 */
int scribes_start(struct scribes *s, int fd, void (*fn)(const void *arg, FILE *out),
	const void *arg, void (*done)(void *ud, int result), void *ud, struct err *e);
