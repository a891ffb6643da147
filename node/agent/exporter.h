/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/listen.h"

/*
 * Serves an agent's metrics over HTTP (http/httpd.h). Where it cannot listen it tries again:
 * tunnels do not depend on who has a port of the node. Logs: metrics.*.
 */
struct exporter;

/*
 * `config` is borrowed: http.allow says who may ask. `write` is called in a child, which must not
 * use our sockets.
 */
int exporter_new(struct exporter **ret, sd_event *loop, const struct config *config,
	const struct listen *at, void (*write)(void *ud, FILE *out), void *ud, struct err *e);
struct exporter *exporter_free(struct exporter *x);
DEFINE_CLEANUP(struct exporter *, exporter_free);
