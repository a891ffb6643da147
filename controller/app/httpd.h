/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "loop/scribes.h"

/* GET over libmicrohttpd, on the loop and without threads. */
struct httpd;

struct httpd_ops {
	/*
	 * The answer to a path: an HTTP status, with the body in a new string that is consumed. 404
	 * for what is not there; 0: `write` has it.
	 */
	unsigned (*answer)(void *ud, const char *path, char **ret_body);
	/* Writes a page that takes long; called in a child (loop/scribes.h). */
	void (*write)(void *ud, const char *path, FILE *out);
};

/*
 * `at` is what listen_find takes; `scribes` is borrowed. Errors: its own, or why it cannot listen.
 */
int httpd_new(struct httpd **ret, sd_event *loop, const char *at, struct scribes *scribes,
	const struct httpd_ops *ops, void *ud, struct err *e);
/* Comes before scribes_free. */
struct httpd *httpd_free(struct httpd *h);
