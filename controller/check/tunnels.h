/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "check/findings.h"
#include "check/network.h"
#include "values/forward.h"

/* Some nodes: the first one by name, owned, and how many there are. */
struct some_nodes {
	char *first;
	size_t n;
};

enum { TUNNELS_IPV4, TUNNELS_IPV6, TUNNELS_FAMILIES };

/* Which nodes take tunnels, as the leader has published it and the agents say. */
struct tunnels_facts {
	bool wanted; /* by Services that do not say: forward: tunnel */
	enum encapsulation encapsulation;
	bool from_leases; /* else the configuration names the nodes */
	bool known;       /* which these are */
	char *error;      /* why not; owned */
	size_t n_nodes;
	/* Of these, those that do not take the encapsulation in a family. */
	struct some_nodes lacking[TUNNELS_FAMILIES];
	/* With an agent's Lease, but none of these: it says that the node takes none; it says that
	 * it takes some. */
	struct some_nodes unable, unlisted;
};

/* Says nothing where nobody asks for tunnels and no node has an agent. */
void tunnels_judge(
	struct findings *f, const struct tunnels_facts *t, const struct network_facts *network);
void tunnels_facts_done(struct tunnels_facts *t);
