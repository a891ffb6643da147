/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Follows the content of one file, through whatever replaces it: an editor, a rename, or the
 * kubelet, which swaps the symlink `..data` that a mounted ConfigMap is read through.
 */
struct file_watch;

struct file_watch_ops {
	/* It was read, and is not what it was when `read` was called last. */
	void (*read)(void *ud, const char *text, size_t len);
	/* It cannot be read; once, until the reason changes or it can be. */
	void (*lost)(void *ud, const struct err *why);
};

/*
 * Watches the folder of `path`; the first look is in the next turn of the loop, and `max` as that
 * of fs_read. A folder that is gone, or not there yet, is looked for every second. What fs_may_pass
 * is tried again after a second, then more seldom, down to every 30 seconds. Errors: no inotify to
 * be had.
 */
int file_watch_new(struct file_watch **ret, sd_event *loop, const char *path, size_t max,
	const struct file_watch_ops *ops, void *ud, struct err *e);
struct file_watch *file_watch_free(struct file_watch *w);
DEFINE_CLEANUP(struct file_watch *, file_watch_free);
