/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/*
 * Calls fn(arg, e) in a forked child and gives back its result and its error as if it had been
 * called here: for libraries whose memory shall not stay. Blocks until `fn` has a result. What it
 * does to our memory is lost. -ECHILD when the child ends without a result.
 */
int apart(int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e);

/* The same in two steps, for a program that has other things to do until `fd` is readable. */
struct apart {
	pid_t pid;
	int fd;
};

/* Errors: from making the child. `arg` is the child's own from here on. */
int apart_start(struct apart *ret, int (*fn)(const void *arg, struct err *e), const void *arg,
	struct err *e);

/* What `apart` gives back; blocks while `fd` is not readable, and closes it. */
int apart_finish(const struct apart *a, struct err *e);

/* Kills the child, wherever it is, and does not wait for its end. */
void apart_cancel(const struct apart *a);
