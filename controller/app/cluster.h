/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "decide/fleet.h"
#include "lead/agreement.h"
#include "lead/members.h"
#include "objects/store.h"
#include "report/snapshot.h"
#include "source/source.h"

/*
 * The controller's side of a Kubernetes cluster: Services and EndpointSlices come from its API
 * server, and while this load balancer leads its fleet, their addresses, status and Events go
 * there.
 */
struct cluster;

struct cluster_ops {
	struct source_ops source;
	/* The newest decision; NULL before the first. */
	struct fleet *(*fleet)(void *ud);
	/* These are the addresses of the fleet's load balancers and their nodes, sorted. */
	void (*addresses)(void *ud, const struct member_address list[], size_t n);
	/* Whether the tables of others are ours; called often. */
	void (*agreement)(void *ud, const struct agreement *a);
	/* These are the nodes that take tunnels, and their own addresses: texts of tunnel_set. */
	void (*tunnel_nodes)(void *ud, const char *names, const char *own);
};

/*
 * Connects with what the configuration says (kubernetes.*). `store` is read while leading; it and
 * `config` and `rules` are borrowed. Errors: credentials that cannot be used. That the server
 * cannot be reached is none: it is tried again for ever.
 */
int cluster_new(struct cluster **ret, sd_event *loop, const struct config *config,
	const struct fleet_rules *rules, const struct store *store, const struct cluster_ops *ops,
	void *ud, struct err *e);
struct cluster *cluster_free(struct cluster *c);
DEFINE_CLEANUP(struct cluster *, cluster_free);

/* As publisher_touch and publisher_touch_all; of Services, or of all, cluster_changed follows soon.
 */
void cluster_touched(struct cluster *c, const struct objname *service);
void cluster_touched_all(struct cluster *c);

/* Now, with all changes of this turn of the loop: who needs an address gets one, if we lead. */
void cluster_changed(struct cluster *c);

/* There is a decision about the objects as they are. */
void cluster_decided(struct cluster *c);

/* What our sidecar announces, NULL: nothing, and on which interfaces of the node, NULL: by BGP. */
void cluster_announced(struct cluster *c, const json_t *prefixes, const json_t *interfaces);

/* As membership_tables. */
void cluster_tables(struct cluster *c, const struct sketch *tables);

/* Gives up leading, in order; `done` is called within seconds. */
void cluster_leave(struct cluster *c, void (*done)(void *ud), void *ud);

/* All borrowed until the next turn of the loop. */
struct cluster_state cluster_state(const struct cluster *c);

/* As membership_announcers. */
const char **cluster_announcers(
	const struct cluster *c, const struct ipaddr vips[], size_t n_vips, size_t *ret_n);
