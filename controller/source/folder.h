/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "source/source.h"

/* The manifests of a folder, and what changed in them since the last look. */
struct folder;

struct folder *folder_new(const char *path) __attribute__((warn_unused_result));
struct folder *folder_free(struct folder *f);

/* What a scan asks about the file of a name in the folder. */
struct folder_hints {
	/* Somebody is writing it just now: it keeps what was last read from it. Asked before and
	 * after. */
	bool (*is_busy)(void *ud, const char *name);
	/* It may have changed since the last scan; files never read are looked at without being
	 * asked. */
	bool (*is_touched)(void *ud, const char *name);
};

/*
 * Reads the files that are new or changed and tells `ops` of their objects and of those that are
 * gone; `synced` is not called. Errors: the folder itself cannot be read; nothing is removed then.
 */
int folder_scan(struct folder *f, const struct folder_hints *hints, const struct source_ops *ops,
	void *ud, struct err *e);
