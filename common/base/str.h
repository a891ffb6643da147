/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Strict text to number: the whole string must be the value; no sign, no white space, no leading
 * zeros, no octal. Errors are -EINVAL with a message that says what would be right, such as
 * "'70000' is not a number from 1 to 65535"; the caller wraps it with the name of the field.
 */

/* A decimal number from min to max. */
int str_to_u64(uint64_t *ret, const char *text, uint64_t min, uint64_t max, struct err *e);

/* "true" or "false", nothing else. */
int str_to_bool(bool *ret, const char *text, struct err *e);

/* One of these words, of which NULL is the end: its place among them. The message has them all. */
int str_choice(unsigned *ret, const char *text, const char *const words[], struct err *e);

/* A duration with its units, from min to max microseconds: "500ms", "9s", "2m", "1h", "1m30s". */
int str_to_usec(uint64_t *ret, const char *text, uint64_t min, uint64_t max, struct err *e);

/* In the largest unit that prints `usec` exactly, such as "1500ms"; returns ret_buf. */
const char *str_from_usec(char ret_buf[static 32], uint64_t usec);

/* NULL equals NULL alone. */
bool str_equal(const char *a, const char *b);

bool str_has_prefix(const char *text, const char *prefix);

/* A line of another program's log without the date in front, as ctime(3) writes it, and a colon. */
const char *str_skip_date(const char *line);

/*
 * An untrusted value made fit for an error message or a log: quoted, with \xNN for quotes,
 * backslashes, control and non-ASCII bytes; cut after 60 bytes with "...". Returns ret_buf.
 */
enum { STR_QUOTED_SIZE = 288 };
const char *str_quote(char ret_buf[static STR_QUOTED_SIZE], const char *text);
