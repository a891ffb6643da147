/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Answers `kago-sidecar status`, on a socket with an abstract name as the controller's: that name
 * with STATUS_SUFFIX. A child writes each answer. Who cannot have the name goes on without it: it
 * is for people alone. Logs: status.*.
 */
struct status;

#define STATUS_SUFFIX ".sidecar"

/*
 * `write` is called in a child and writes one line of JSON, without its end. `socket` is the name
 * of the controller's. NULL: it does not work, which was logged.
 */
struct status *status_open(
	sd_event *loop, const char *socket, void (*write)(void *ud, FILE *out), void *ud);
/* Takes NULL and returns it. */
struct status *status_close(struct status *s);
DEFINE_CLEANUP(struct status *, status_close);
