/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "sockets/sockets.h"

/*
 * Asks kago-node-sockets for sockets in the node's network namespace (sockets/passing.h) until it
 * gives them: it may be late, hang, be dead for a while, or give what cannot be used. Logs:
 * sockets.*.
 */
struct supply;

/*
 * `on_sockets` gets them, once, and takes what it wants out of them. `path` is borrowed.
 */
int supply_open(struct supply **ret, sd_event *loop, const char *path,
	void (*on_sockets)(void *ud, struct sockets *s), void *ud, struct err *e);
struct supply *supply_close(struct supply *s);
DEFINE_CLEANUP(struct supply *, supply_close);
