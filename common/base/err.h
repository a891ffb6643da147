/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>

/*
 * The one error idiom: functions return 0 or a negative errno and fill a caller-owned `struct err`,
 * which needs no freeing. `{0}` means no error. It is never NULL.
 */

enum { ERR_MSG_SIZE = 512 };

struct err {
	int code; /* positive errno */
	char msg[ERR_MSG_SIZE];
};

/*
 * Sets code and message, replacing what was there (which the arguments may quote); a long
 * message ends in "...". Returns -code.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the text of errno `code` appended. */
int err_errno(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message, keeping the code. Returns -code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
