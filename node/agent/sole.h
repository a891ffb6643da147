/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Which agent has this node: the one that holds the abstract socket SOLE_NAME in the node's network
 * namespace, until it ends in any way. Two would overwrite each other's table. Who holds it and is
 * no agent, since another user started it, keeps nobody away. Logs: node.taken, node.free,
 * node.impostor.
 */
struct sole;

#define SOLE_NAME "kago-node"

enum { SOLE_RETRY = 1000 * 1000 /* usec */ };

/*
 * `fleet` is what others say of us; copied. `on_held` is called when we have the node from now
 * on, but not by this: sole_holds says so at once.
 */
int sole_new(struct sole **ret, sd_event *loop, const char *fleet, void (*on_held)(void *ud),
	void *ud, struct err *e);
struct sole *sole_free(struct sole *s);
DEFINE_CLEANUP(struct sole *, sole_free);

bool sole_holds(const struct sole *s);
