/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* The secret of a BGP session (RFC 2385), as bgp.peers[].passwordFile has it. */
enum {
	PASSWORD_MAX = 80, /* bytes; TCP_MD5SIG_MAXKEYLEN of linux/tcp.h */
	PASSWORD_FILE_MAX = PASSWORD_MAX + 2,
};

/*
 * In a new buffer that the caller frees, which holds any bytes and is NUL-terminated besides. One
 * line end at the end of the file belongs to the editor, not to the password. Errors: those of
 * fs_read; -EINVAL when it is empty or too long.
 */
int password_read(char **ret, size_t *ret_len, const char *path, struct err *e);
