/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "source/source.h"

/* The manifests of a folder, and what changed in them since the last look. */
struct folder;

struct folder *folder_new(const char *path) __attribute__((warn_unused_result));
struct folder *folder_free(struct folder *f);

/*
 * Reads the files that are new or changed and tells `ops` of their objects and of those that are
 * gone; `synced` is not called. `is_busy(ud, name)` tells of a file that somebody is writing just
 * now, before and after it was read: it keeps what was last read from it. Errors: the folder itself
 * cannot be read; nothing is removed then.
 */
int folder_scan(struct folder *f, bool (*is_busy)(void *ud, const char *name),
	const struct source_ops *ops, void *ud, struct err *e);
