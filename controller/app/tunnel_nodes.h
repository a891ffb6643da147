/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "values/tunnel_set.h"

/*
 * The nodes that take tunnels: of the configuration with manifests, of the fleet's leader in a
 * cluster.
 */
struct tunnel_nodes {
	struct tunnel_set set;
	bool known; /* else all that exists has not been read yet */
};

void tunnel_nodes_configured(struct tunnel_nodes *t, const struct config *c);

/*
 * These are the nodes as the leader says, and their own addresses, texts of tunnel_set. True: they
 * are others. A text that nobody of us writes changes nothing. Logs: tunnels.*.
 */
bool tunnel_nodes_told(struct tunnel_nodes *t, const char *names, const char *own);

void tunnel_nodes_done(struct tunnel_nodes *t);
