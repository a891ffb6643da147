/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "follow/follow.h"

/* The source that is no folder: the API server of a cluster. */
#define APP_SOURCE_KUBERNETES "kubernetes"

struct app_options {
	const char *source; /* APP_SOURCE_KUBERNETES, or the folder of manifests to follow */
	/* Write keepalived.conf and leave the kernel alone: no keepalived, IPVS, nftables, sysctls.
	 */
	bool render_only;
	struct follow_origin origin; /* of the configuration */
};

/*
 * The running controller: it owns the source, the store, the data plane and the interfaces, and
 * returns when it was told to stop. Told by SIGTERM or SIGINT, it goes on until the sidecar has
 * drained (keepalived.shutdownTimeout at most), told twice, it stops at once. What IPVS holds stays
 * there. `config` changes as its origin does. Returns 0, or why it could not start or go on.
 */
int app_run(struct config *config, const struct app_options *options, struct err *e);
