/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "node/claim.h"
#include "sockets/sockets.h"

/*
 * Several load balancer pods of one node may serve the same VIP. Each has routes of its own there,
 * told apart by their metric: the lowest gets the packets, and when its routes go the next takes
 * over at once. A metric belongs to whoever holds an abstract socket that claims it (node/claim.h)
 * in the node's network namespace; it is free again when its holder ends in any way. Routes whose
 * metric nobody holds are a dead pod's.
 *
 * A name that another user than root and ours holds is no claim, and keeps nobody out: any process
 * of the node could take one, or all without a suffix. So whoever has bound a name looks who else
 * claims the metric. A metric is had by a claim that was alone in such a look, so of two that come
 * at once at most one has it; the one whose name is the greater gives up at once, and the other
 * one looks again a few times.
 *
 * A newcomer takes a metric above those held, so that it takes no packets from a running pod. There
 * are few below those of routing daemons, so pods sink: once one of SLOT_LOW is passed, each moves
 * down to just above the next one below it. That changes nobody's order, leaves room at the top for
 * any number of replacements, and moves routes seldom.
 *
 * Former versions claim by names without a suffix alone, and give up none. They do not see claims
 * with one; a pod that has such a claim goes above when another one turns up at its metric.
 */
enum {
	SLOT_MIN = CLAIM_MIN,
	SLOT_LOW = 8,
	SLOT_MAX = CLAIM_MAX,
	SLOT_LOST = 6, /* claims that may be given up, beyond those for sinking */
};

struct slot {
	int fd;
	uint32_t metric;
	struct claim claim;
	int former_fd;
	uint32_t former; /* is held, too, until its routes have gone; 0: there is none */
	struct claim former_claim;
	int spares[SOCKETS_N_NAMES]; /* for moving; to sink, metric - SLOT_MIN are enough */
	size_t n_spares;
	int probe;
	struct nl_sock *diag;
	bool claimed[SLOT_MAX + 1]; /* by others, when the kernel last said */
	bool told[SLOT_MAX + 1];    /* the log has named an impostor with this metric */
	bool blind;                 /* the kernel does not say whose names are */
	bool told_blind;
};

/* Nothing to release. */
#define SLOT_NONE ((struct slot){.fd = -1, .former_fd = -1, .probe = -1})

/*
 * Takes a metric above those held, with sockets out of `node` that nobody has given a name yet.
 * Errors: -EBUSY when none is free there; one is when pods have gone and the others have sunk.
 */
int slot_take(struct slot *ret, struct sockets *node, struct err *e);
void slot_release(struct slot *s);

/* By metric, what other living pods hold. */
struct slot_view {
	bool held[SLOT_MAX + 1];
	bool contested; /* another one claims ours, too, and we are the one to give it up */
};

/* Where the kernel does not say whose a name is, it counts. Logs: slot.impostor, slot.blind. */
void slot_look(struct slot_view *ret, struct slot *s);

/*
 * Takes another metric, if it is time and one is free: a lower one, or one above the others when
 * ours is contested. True when it did: the former one stays ours until slot_settle, and until then
 * this gives false.
 */
bool slot_move(struct slot *s, const struct slot_view *others);
void slot_settle(struct slot *s);
