/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Lease objects of coordination.k8s.io/v1, as far as kago uses them. Pure. */

#define LEASE_API_VERSION "coordination.k8s.io/v1"
/* Names, with the fleet's behind: of the list of nodes; of agents', with ".NODE" behind that. */
#define LEASE_NODES_OF "nodes.kago-"
#define LEASE_TUNNELS_OF "tunnels.kago-"
#define LEASE_FLEET_LABEL "kago.dev/fleet"
/* "true" of an agent's, that is of one that names its node. */
#define LEASE_AGENT_LABEL "kago.dev/agent"
#define LEASE_ANNOUNCES "kago.dev/announces"
#define LEASE_ANNOUNCED_ON "kago.dev/announced-on"
#define LEASE_TUNNELS "kago.dev/tunnels"
#define LEASE_NODE "kago.dev/node"
#define LEASE_TUNNEL_NODES "kago.dev/tunnel-nodes"
#define LEASE_POD_IPS "kago.dev/pod-ips"
#define LEASE_NODE_IPS "kago.dev/node-ips"
#define LEASE_TABLES "kago.dev/tables"

/* Strings are borrowed and never NULL in a decoded Lease, "" when absent. Times: usec since 1970.
 */
struct lease {
	const char *name, *ns;
	const char *uid, *resource_version; /* "": the object is new */
	const char *fleet;                  /* the label */
	/* Annotations; NULL in lease_build: none. */
	const char *announces;
	const char *announced_on;   /* where on layer 2 it does: "node2 eth0" */
	const char *tunnels, *node; /* what an agent's node takes, and which that is */
	const char *tunnel_nodes;   /* the nodes that take tunnels */
	/*
	 * A load balancer's addresses, and those of its node or of an agent's, with commas between
	 * them; with `tunnel_nodes` those of these, a text of prefix_set.
	 */
	const char *pod_ips, *node_ips;
	const char *tables;   /* a sketch of what its kernel holds (lead/agreement.h) */
	const char *holder;   /* "": nobody's */
	uint64_t duration;    /* usec; whole seconds in the object */
	uint64_t transitions; /* how often the holder has changed */
	int64_t acquired, renewed;
};

/*
 * Reads one; the strings are the object's. A duration that is missing or not from a second to an
 * hour is 0, a time that is missing or unreadable is 0. Errors: -EINVAL, for what is no Lease.
 */
int lease_decode(struct lease *ret, const json_t *object, struct err *e);

/* The object, for POST or PUT. */
json_t *lease_build(const struct lease *l);

/*
 * Resource versions are numbers that grow (KEP-5504, and in effect since etcd 3): is `a` newer than
 * `b`? One that is no number is newer than any other text.
 */
bool lease_version_newer(const char *a, const char *b);
