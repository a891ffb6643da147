/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "plan/plan.h"

/*
 * Takes away what the node's connection tracking knows of entries that are gone: else UDP flows
 * would stay on a pod that is dead, also when a load balancer has moved them to another pod of this
 * node, and any flow would on an address that somebody else gets. It is done in slices between
 * which the loop has its turn, and tried again until it is done. Logs: node.connections_stay,
 * node.connections_forgotten.
 */
struct forgetting;

enum {
	FORGETTING_SLICE = 5 * 1000,        /* usec */
	FORGETTING_RETRY = 5 * 1000 * 1000, /* usec */
	FORGETTING_MAX = 64 * 1024,         /* connections in memory; for more it looks again */
};

int forgetting_new(struct forgetting **ret, sd_event *loop, struct err *e);
struct forgetting *forgetting_free(struct forgetting *f);
DEFINE_CLEANUP(struct forgetting *, forgetting_free);

/* Of what `before` has and `now` has not. What `now` has is left alone from now on. */
void forgetting_put(struct forgetting *f, const struct plan *before, const struct plan *now);

/* Entries whose connections are still to be forgotten, and how many connections were. */
size_t forgetting_left(const struct forgetting *f);
uint64_t forgetting_done(const struct forgetting *f);
