/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The whole content of a regular file or a file of /proc, NUL-terminated, in a new buffer that the
 * caller frees. Errors: -EFBIG above `max` bytes, -EINVAL for devices and the like, else the errno;
 * messages name the path.
 */
int fs_read(char **ret_text, size_t *ret_len, const char *path, size_t max, struct err *e);

/* The same to the end of what is open as `fd`, a pipe for example; `name` is for messages. */
int fs_read_fd(
	char **ret_text, size_t *ret_len, int fd, const char *name, size_t max, struct err *e);

/*
 * Whether fs_read, which has returned this error, may do better later though nothing changes in the
 * file: for want of memory or descriptors, say, or when a file system does not answer.
 */
bool fs_may_pass(int result);

/*
 * Replaces a file in one step: readers see the old content or the new, also after a power cut
 * (temporary file beside it, fsync, rename, fsync of the folder). Mode 0644.
 */
int fs_write_atomic(const char *path, const char *text, size_t len, struct err *e);

/* The same with mode 0600, for what may hold a secret. */
int fs_write_private(const char *path, const char *text, size_t len, struct err *e);

/* Creates the folder (mode 0755) unless it exists; its parent must exist. */
int fs_mkdir(const char *path, struct err *e);
