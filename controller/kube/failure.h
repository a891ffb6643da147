/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What went wrong with a call, for people. Pure. */

/* There was no answer, or not all of one; `url` is cut to its scheme, host and port. */
int failure_transport(struct err *e, const char *url, const char *what);

/*
 * Whether a failed call with this HTTP status says nothing about what was sent: the server, the way
 * to it or our token does not work for now.
 */
bool failure_is_passing(int status);

/* The server refused: `text` is its answer, a Status (v1) as a rule; NULL: it has none. */
int failure_http(struct err *e, int status, const char *text);

/*
 * The answer as JSON. -EINVAL when it is none, or has more than LIMIT_KUBE_BODY_VALUES values;
 * `text` may be NULL when `len` is 0.
 */
int failure_parse(json_t **ret, const char *text, size_t len, struct err *e);
