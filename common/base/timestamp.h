/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * An RFC 3339 time such as "2026-01-31T08:15:00Z" or "2026-01-31T09:15:00.5+01:00", as microseconds
 * since 1970; finer digits are dropped. Errors: -EINVAL.
 */
int timestamp_parse(int64_t *ret, const char *text, struct err *e);

/* The other way round, in UTC and whole seconds, as the API server keeps times; returns ret_buf. */
enum { TIMESTAMP_TEXT = sizeof "9999-12-31T23:59:59Z" };
const char *timestamp_format(char ret_buf[static TIMESTAMP_TEXT], int64_t usec);
