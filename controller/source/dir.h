/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "source/source.h"

/*
 * A folder of manifests, followed with inotify: files written, renamed in, deleted, and the symlink
 * swap by which Kubernetes updates a mounted ConfigMap. A file that is being written is read when
 * its writer closes it, and one that cannot be read or parsed keeps what was last read from it. For
 * what fs_may_pass it is tried again after a second, then more seldom, down to every 30 seconds. An
 * object in two files comes from the first by name.
 */
struct dir_source;

/* The first look happens here, with its upserts and `synced`. -ENOENT, -ENOTDIR for no folder. */
int dir_source_new(struct dir_source **ret, sd_event *loop, const char *path,
	const struct source_ops *ops, void *ud, struct err *e);
struct dir_source *dir_source_free(struct dir_source *d);
