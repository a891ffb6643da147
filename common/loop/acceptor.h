/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Takes connections off a listening socket. Without a file descriptor or memory for one more it
 * looks away for a second: those who wait are told of again and again, and would keep us busy with
 * nothing else.
 */
struct acceptor;

/* None of these may free the acceptor. */
struct acceptor_ops {
	/* A connection, non-blocking; consumes `fd`. */
	void (*on_connection)(void *ud, int fd);
	/* None can be taken now; once, until one was. May be NULL. */
	void (*on_shortage)(void *ud, const struct err *why);
};

/* `listener` is non-blocking or has no other reader, and lives longer than the acceptor. */
int acceptor_new(struct acceptor **ret, sd_event *loop, int listener,
	const struct acceptor_ops *ops, void *ud, struct err *e);
struct acceptor *acceptor_free(struct acceptor *a);
DEFINE_CLEANUP(struct acceptor *, acceptor_free);
