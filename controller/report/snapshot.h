/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "address/allocation.h"
#include "apply/apply.h"
#include "decide/fleet.h"
#include "follow/follow.h"
#include "kube/kube.h"
#include "lead/agreement.h"
#include "net/ipvs.h"
#include "publish/events.h"
#include "publish/publisher.h"

/* What the sidecar said last; all 0 while there is none. */
struct sidecar_state {
	json_t *announced;      /* prefixes that some BGP peer hears */
	size_t sessions, peers; /* BGP sessions that are up, and those there should be */
	bool complete;          /* all that the kernel can serve is announced */
	json_t *bgp;            /* its sessions, as it says; NULL: it does not say */
	json_t *l2;             /* what it does on layer 2, as it says; NULL: nothing */
	json_t *exec;           /* how calls of exec.program are; NULL: it calls none */
	json_t *config;         /* what of kago.yaml it does not use; NULL: nothing */
	char *suspended;        /* why it announces nothing of what it could; NULL: it does */
	bool waits;             /* it has no sockets in the node's network namespace yet */
};

/* Of the API server, and of this load balancer among its fleet; all borrowed. */
struct cluster_state {
	const char *identity;
	const char *leader; /* "" when nobody leads, as far as known */
	bool leads;         /* we do, and write */
	uint64_t lost_for;  /* usec since the API server cannot be followed; 0: it can */
	const struct allocation *allocation; /* NULL unless we lead */
	const struct agreement *agreement;   /* lead/agreement.h */
	struct kube_stats kube;
	struct events_stats events;
	struct publisher_stats publisher;
};
/* Everything there is to report at one moment; all borrowed. */
struct snapshot {
	const char *fleet_name;
	bool render_only;
	const struct fleet *fleet;       /* the newest decision; NULL before the first */
	const struct ipvs_table *kernel; /* what IPVS holds; NULL when it was not read */
	const struct apply *apply;
	const struct sidecar_state *sidecar;   /* what the sidecar says */
	size_t n_sidecars, n_peers;            /* n_peers: of the configuration */
	bool on_layer_2;                       /* VIPs are announced there, not by BGP */
	bool by_program;                       /* by a program of the user's, not by BGP either */
	const struct tunnel_set *tunnel_nodes; /* that take tunnels, as it decides by */
	const struct sketch *tables; /* of the kernel at the last look (kernel/tables.h); or NULL */
	uint64_t n_objects_rejected, n_source_problems;
	struct cluster_state cluster; /* all 0: the source is a folder */
	const struct config_pool *pools;
	size_t n_pools;
	struct follow_state config;
};

/*
 * NULL when the load balancer does its part: what was asked for was seen in the kernel, and all of
 * it that can be served is announced. Else a sentence that says what is missing. Where no BGP peer
 * is configured nobody needs to hear of it.
 */
const char *snapshot_why_not_ready(const struct snapshot *s);

/* The answer to `status`, as compact JSON with sorted keys: docs/status.md lists the fields. Pure.
 */
void snapshot_write_status(const struct snapshot *s, FILE *out);

/* A part of it: who leads; NULL where the source is a folder. */
json_t *snapshot_cluster(const struct snapshot *s) __attribute__((warn_unused_result));

/* The Prometheus text format, version 0.0.4. docs/status.md lists them. */
void snapshot_metrics(const struct snapshot *s, FILE *out);

/* "served", "no_endpoints", "conflict", "rejected". */
const char *snapshot_outcome_name(enum fleet_outcome outcome);

/* "up", "draining", "down" (by a health check) or "missing", from what is wanted and what is there.
 */
const char *snapshot_real_state(const struct real_server *wanted, const struct ipvs_dest *there);
