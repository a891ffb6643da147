/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/mem.h"
#include "bfd/bird_api.h"
#include "config/config.h"
#include "node/site.h"

/*
 * BIRD as our child, which speaks BFD with BGP's peers, so that their routers notice sooner that
 * this pod is dead. What it finds out of peers changes nothing here: exabgp does not hear of it. It
 * is asked every second how its sessions are; one that ends, or does not answer, is started anew,
 * ever more rarely. Without bgp.bfd.enabled, or peers that have it, there is nothing to run.
 * Logs: bfd.*, bird.*.
 *
 * BIRD tells nobody when it stops, neither do we: end BGP first, and routers do not mind.
 */
struct bfd;

struct bfd_session {
	struct ipaddr peer;
	enum bfd_state state; /* BFD_UNKNOWN: BIRD does not run, or did not say */
	uint64_t since;       /* of the last change, CLOCK_MONOTONIC in usec; 0: there was none */
};

/* `on_change`: the state of a session is another one. `c` and `p` must outlive it. */
int bfd_start(struct bfd **ret, sd_event *loop, const struct config *c, const struct site *p,
	void (*on_change)(void *ud), void *ud, struct err *e);

/* When bgp.peers have changed; sessions with those that stay go on. `b` may be NULL. */
void bfd_follow(struct bfd *b);

/* Those that there are to be, in the order of bgp.peers. NULL has none. */
size_t bfd_count(const struct bfd *b);
const struct bfd_session *bfd_at(const struct bfd *b, size_t i);

/* Ends BIRD at once. */
struct bfd *bfd_free(struct bfd *b);
DEFINE_CLEANUP(struct bfd *, bfd_free);
