/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"

/* GET over libmicrohttpd, on the loop and without threads. */
struct httpd;

/*
 * The answer to a path: an HTTP status, with the body in a new string that is consumed. 404 for
 * what is not there.
 */
typedef unsigned httpd_fn(void *ud, const char *path, char **ret_body);

/* `at` is what listen_find takes. Errors: its own, or why it cannot listen. */
int httpd_new(struct httpd **ret, sd_event *loop, const char *at, httpd_fn *answer, void *ud,
	struct err *e);
struct httpd *httpd_free(struct httpd *h);
