/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "source/files.h"
#include "source/source.h"

/* What the manifests of a folder say, and what changed in that since the last scan. */
struct folder;

/* `files` outlive it, and are borrowed. */
struct folder *folder_new(struct files *files, const struct source_ops *ops, void *ud)
	__attribute__((warn_unused_result));
struct folder *folder_free(struct folder *f);

/*
 * Reads what was touched, and tells `ops` of its objects and of those that are gone; `synced` is
 * not called. `catch_up` is called when it matters what happened to the files up to now, which
 * includes who writes them. Errors: the folder itself cannot be read; nothing is told then.
 */
int folder_scan(struct folder *f, void (*catch_up)(void *ud), void *ud, struct err *e);
