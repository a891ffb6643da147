/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/half.h"

/* The metrics of an agent, as text for Prometheus. Pure; docs/node.md lists them. */

enum { METRICS_FAMILIES = 2 }; /* IPv4, IPv6 */

/* What there is to be said at one moment; texts are borrowed. */
struct metrics {
	const char *fleet, *node;
	bool holds;        /* we are the agent that has this node */
	unsigned kinds;    /* of tunnels that it takes (values/tunnel_set.h) */
	bool kernel_read;  /* `sights` are what the kernel says now */
	bool kernel_ready; /* as keeper_sees_ready */
	struct metrics_family {
		struct half_sight sight;
		struct half_stats stats;
		bool fails;
	} families[METRICS_FAMILIES];
	bool asks_nodes, second_fails;
	size_t n_to_forget;
	uint64_t n_objects_rejected, n_source_problems;
	bool in_cluster; /* there is an API server, and so there is what follows */
	bool following;
	uint64_t lease_age; /* usec since our Lease was renewed; UINT64_MAX: there is none yet */
	bool config_refused;
};

void metrics_write(const struct metrics *m, FILE *out);
