/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "announce/route.h"
#include "bgp/sessions.h"

/* What is to be told of BGP sessions and routes, as JSON (docs/sidecar.md). Pure. */

/*
 * Each of bgp.peers in order: {"peer":"10.0.0.1","name":"tor1","as":65001,"up":true,"changes":1,
 * "routes":2,"lastError":""}. `routes`: those that it hears. `now`: CLOCK_MONOTONIC in usec, for
 * "sinceSeconds" of the last change; 0: not told. New.
 */
json_t *bgp_report_peers(const struct sessions *s, const struct routes_out *taken, uint64_t now);

/* Each route with its next hop, its attributes and the addresses of its peers. New. */
json_t *bgp_report_routes(const struct routes_out *taken, const struct sessions *s);
