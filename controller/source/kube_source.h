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
struct kube_source;

struct kube_source_spec {
	const char *namespace; /* "": all */
	uint64_t silence;      /* as in watch_spec */
};

/* `kube` is borrowed. The first `synced` comes when both collections are in. */
int kube_source_new(struct kube_source **ret, sd_event *loop, struct kube *kube,
	const struct kube_source_spec *spec, const struct source_ops *ops, void *ud, struct err *e);
struct kube_source *kube_source_free(struct kube_source *c);
DEFINE_CLEANUP(struct kube_source *, kube_source_free);

/*
 * Reads all Services anew; `done` is called once what anybody wrote before this call is known.
 * Another call takes the place of one that has not been answered.
 */
void kube_source_refresh(struct kube_source *c, void (*done)(void *ud), void *ud);

/* As watch_wake. */
void kube_source_wake(struct kube_source *c);

/* Since when the API server cannot be followed, loop time; 0: it can. */
uint64_t kube_source_lost_since(const struct kube_source *c);
