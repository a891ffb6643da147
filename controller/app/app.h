/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "config/config.h"

/*
 * The running controller: it owns the source, the store, the data plane and the interfaces, and
 * returns when it was told to stop. Told by SIGTERM or SIGINT, it goes on until the sidecar has
 * drained (keepalived.shutdownTimeout at most), told twice, it stops at once. What IPVS holds stays
 * there. `manifests` is the folder to follow. Returns 0, or why it could not start or go on.
 */
int app_run(const struct config *config, const char *manifests, struct err *e);
