/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube.h"
#include "source/source.h"

/*
 * The Services of type LoadBalancer and the EndpointSlices of a cluster, from its API server. What
 * belongs to other proxies (KEP-2447) or has no address of its own is not even fetched. A Service
 * that is no LoadBalancer any more is told of as removed.
 */
struct cluster_source;

struct cluster_spec {
	const char *namespace; /* "": all */
	uint64_t silence;      /* as in watch_spec */
};

/* `kube` is borrowed. The first `synced` comes when both collections are in. */
int cluster_source_new(struct cluster_source **ret, sd_event *loop, struct kube *kube,
	const struct cluster_spec *spec, const struct source_ops *ops, void *ud, struct err *e);
struct cluster_source *cluster_source_free(struct cluster_source *c);
DEFINE_CLEANUP(struct cluster_source *, cluster_source_free);

/*
 * Reads all Services anew; `done` is called once what anybody wrote before this call is known.
 * Another call takes the place of one that has not been answered.
 */
void cluster_source_refresh(struct cluster_source *c, void (*done)(void *ud), void *ud);

/* Since when the API server cannot be followed, loop time; 0: it can. */
uint64_t cluster_source_lost_since(const struct cluster_source *c);
