/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "announce.h"
#include "config/config.h"
#include "place.h"

/*
 * exabgp as our child, kept announcing what it is told to. It is started again when it ends; then,
 * and whenever a peer comes back, everything is announced anew. Its end, however it comes about,
 * closes the BGP sessions, which withdraws everything. Logs: exabgp.*, bgp.*.
 */
struct exabgp;

/* `c` and `p` must outlive it. Errors: those of exabgp_conf_write, and of starting a program. */
int exabgp_start(struct exabgp **ret, sd_event *loop, const struct config *c, const struct place *p,
	struct err *e);

/* What shall be announced from now on; the set is copied. */
void exabgp_announce(struct exabgp *x, const struct prefixes *wanted);

/*
 * SIGTERM, after 2 s SIGKILL; `on_stopped` is called once when it is gone, perhaps before this
 * returns. Nothing is started again.
 */
void exabgp_stop(struct exabgp *x, void (*on_stopped)(void *ud), void *ud);

struct exabgp *exabgp_free(struct exabgp *x);
