/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "follow/follow.h"

/*
 * The life of a load balancer pod as the network sees it: a prefix is announced while the pod's own
 * IPVS table can serve it and packets for it find their way in, and never before the controller has
 * said once that the kernel holds what it was asked for.
 *
 *   gate (IPVS) -> announce (what) -> routes (node, pod) -> speaker (who says so)
 *
 * SIGTERM withdraws everything, goes on forwarding for node.drain, removes the routes, stops
 * exabgp. A second one skips the wait.
 */

/*
 * Runs until the end; `c` changes as its origin does. Returns the exit status, or a negative errno
 * when it could not start.
 */
int sidecar_run(struct config *c, const struct follow_origin *origin, struct err *e);
