/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Base64 with the alphabet of RFC 4648, section 4, and padding. */

/* A new string. */
char *base64_encode(const void *bytes, size_t len) __attribute__((warn_unused_result));

/*
 * The bytes that a text stands for, in a new buffer with a NUL behind them. Line ends are skipped,
 * as Kubernetes' own reader does; all else that base64_encode() would not write is -EINVAL. The
 * message does not quote the text, which may be secret.
 */
int base64_decode(char **ret_bytes, size_t *ret_len, const char *text, struct err *e);
