/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"

/*
 * `keepalived --config-test` as a child: does keepalived accept this file? It takes as long as
 * starting keepalived does, so it never blocks the loop, and is killed after CONFIGTEST_TIMEOUT.
 * Only what keepalived says of the file itself is a verdict; all else says nothing of it.
 */
enum { CONFIGTEST_TIMEOUT = 30 * 1000 * 1000 };

enum configtest_verdict {
	CONFIGTEST_ACCEPTED,
	CONFIGTEST_WARNED,  /* exit status 5: it would run, but finds something odd */
	CONFIGTEST_REFUSED, /* exit status 2, 4 or 6: it finds the file wrong */
	CONFIGTEST_UNKNOWN, /* anything else: killed, late, not started, out of memory */
};

struct configtest;

/* `complaints`: what keepalived printed, a line each, possibly cut; "" if nothing. */
typedef void configtest_fn(void *ud, enum configtest_verdict verdict, const char *complaints);

/*
 * `done` is called once, from the loop; it may call configtest_free. keepalived is confined to
 * `folder`, where `path` is, as when it runs.
 */
int configtest_start(struct configtest **ret, sd_event *loop, const char *program, const char *path,
	const char *folder, configtest_fn *done, void *ud, struct err *e);

/*
 * The same for a file without a name, open as `fd`, which has to be so until `done`: keepalived may
 * write nowhere. It complains of CONFIGTEST_NAMELESS.
 */
#define CONFIGTEST_NAMELESS "/proc/self/fd/0"
int configtest_start_nameless(struct configtest **ret, sd_event *loop, const char *program, int fd,
	configtest_fn *done, void *ud, struct err *e);

/* Ends it without calling `done`. */
struct configtest *configtest_free(struct configtest *t);
