/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * The way to exabgp's API process. exabgp insists on starting that process itself, so it starts
 * `kago-sidecar relay`, which connects to RELAY_NAME (an abstract Unix socket: only this pod sees
 * it) and copies bytes both ways. Here is the sidecar's end: one connection, lines in, text out.
 */
#define RELAY_NAME "kago-sidecar"

struct relay;

/* None of these may free the relay. */
struct relay_ops {
	void (*on_open)(void *ud);
	void (*on_line)(void *ud, const char *line); /* without its end */
	void (*on_close)(void *ud, const char *why); /* the connection is lost */
};

/* Listens. Errors: -EADDRINUSE when another sidecar runs in this pod. */
int relay_listen(
	struct relay **ret, sd_event *loop, const struct relay_ops *ops, void *ud, struct err *e);
struct relay *relay_free(struct relay *r);
DEFINE_CLEANUP(struct relay *, relay_free);

/* Sends at once and whole, or fails: the caller keeps what is unanswered far below a socket buffer.
 */
int relay_send(struct relay *r, const char *text, size_t len, struct err *e);
