/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "follow/follow.h"

/*
 * The agent of a node: follows the Services of a fleet and the endpoints of its node, and keeps the
 * node's kernel so that packets which load balancers send to pods in a tunnel get to their ports.
 * When it ends, however that be, the kernel goes on with what it has.
 */

struct agent_options {
	const char *source;        /* "kubernetes" or a folder of manifests */
	const char *node;          /* our node's name */
	const char *node_ips;      /* its addresses, as a Lease has them; NULL: not known */
	const struct ipnet *allow; /* who may send besides the fleet's load balancers */
	size_t n_allow;
	size_t n_asked;     /* other nodes, at most, for a connection that ours does not know */
	const char *listen; /* where metrics are, as listen_find takes it; NULL: nowhere */
	bool leave_nothing; /* at SIGTERM all is removed */
	struct follow_origin origin;
};

/* Runs until SIGTERM; `c` changes as its origin does. A negative errno: it could not start. */
int agent_run(struct config *c, const struct agent_options *options, struct err *e);
