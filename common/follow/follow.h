/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/schema.h"

/*
 * A running program follows the changes of its kago.yaml: what it can is in use at once, and the
 * log says of each key what becomes of it, never its value. A file that is wrong or gone changes
 * nothing.
 */
struct follow;

/* Where the configuration comes from; all borrowed. */
struct follow_origin {
	const char *path; /* NULL: there is no file, and nothing to follow */
	/* The file, and over it what flags and environment say, as at the start. */
	int (*load)(struct config **ret, const void *args, struct err *e);
	const void *args;
};

struct follow_state {
	bool restart_pending; /* the file says what is in use only after a restart */
	bool refused;         /* the file is wrong, or cannot be read */
};

/*
 * `config` is borrowed, and what is in it changes; its address does not, and what was in it before
 * stays valid until follow_free. `changed` is called after some has changed; the log is set up
 * anew already. Without a path, or when the file cannot be watched, which is logged, nothing ever
 * changes.
 */
struct follow *follow_new(sd_event *loop, const struct follow_origin *origin, struct config *config,
	enum schema_program program, void (*changed)(void *ud), void *ud);
struct follow *follow_free(struct follow *f);

struct follow_state follow_state(const struct follow *f);
