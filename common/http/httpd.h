/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/listen.h"
#include "loop/scribes.h"

/*
 * GET over libmicrohttpd, on the loop and without threads. Clients that are slow, or too many, are
 * in nobody's way (http/visitors.h); pages that take long are made once for all (http/pages.h).
 */
struct httpd;

struct httpd_ops {
	/* Whether a client may connect; NULL: any. Who may not hears nothing but an end. */
	bool (*admits)(void *ud, const struct ipaddr *client);
	/*
	 * The answer to a path: an HTTP status, with the body in a new string that is consumed. 404
	 * for what is not there; 0: `write` has it.
	 */
	unsigned (*answer)(void *ud, const char *path, char **ret_body);
	/* Writes a page that takes long; called in a child (loop/scribes.h). NULL: no such page. */
	void (*write)(void *ud, const char *path, FILE *out);
};

/* `scribes` is borrowed. Errors: why it cannot listen. */
int httpd_new(struct httpd **ret, sd_event *loop, const struct listen *at, struct scribes *scribes,
	const struct httpd_ops *ops, void *ud, struct err *e);
/* Comes before scribes_free. */
struct httpd *httpd_free(struct httpd *h);
