/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Several load balancer pods of one node may serve the same VIP. Each has routes of its own there,
 * told apart by their metric: the lowest gets the packets, and when its routes go the next takes
 * over at once. A metric belongs to whoever holds the abstract socket @kago-route-METRIC in the
 * node's network namespace: taking one is atomic, and it is free again when its holder ends in any
 * way. Routes whose metric nobody holds are a dead pod's.
 */
enum { SLOT_MIN = 1, SLOT_MAX = 16 }; /* below the metrics of routing daemons (FRR 20, BIRD 32) */

struct slot {
	int fd;
	uint32_t metric;
};

/*
 * Takes a metric above those held, so that a newcomer is the reserve of the pods that carry
 * connections already. Errors: -EBUSY when all are held.
 */
int slot_take(struct slot *ret, const char *netns, struct err *e);
void slot_release(struct slot *s);

/* `probe` is a datagram socket of abstract_socket() in that namespace. */
bool slot_is_held(int probe, uint32_t metric);
