/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * A function called in a forked child (base/apart.h) while the loop goes on: for work that takes
 * long or leaves much memory behind. What it does to our memory is lost.
 */
struct errand;

/* `result` and `e` are what the function gave back; -ECHILD when the child ended without them. */
typedef void errand_fn(void *ud, int result, const struct err *e);

/* `done` is called once, from the loop; it may call errand_free. `arg` is the child's own. */
int errand_start(struct errand **ret, sd_event *loop, int (*fn)(const void *arg, struct err *e),
	const void *arg, errand_fn *done, void *ud, struct err *e);

/* Ends it without calling `done`. */
struct errand *errand_free(struct errand *x);
