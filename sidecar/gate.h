/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "announce.h"
#include "net/ipvs.h"

/*
 * What this pod can serve, looked up in its own IPVS table again and again. A loss is believed when
 * a second look right after the first agrees, because a table that changes while it is read can
 * show in part. Logs: ipvs.*.
 */
struct gate {
	struct ipvs *ipvs;    /* NULL while it cannot be opened */
	struct vips vips;     /* as of the last look */
	uint64_t took;        /* usec of the last look */
	uint64_t blind_since; /* when looking began to fail, 0 while it works */
};

void gate_done(struct gate *g);

/* Looks. After 5 s without a successful one nothing counts as usable. `now` in usec. */
void gate_look(struct gate *g, uint64_t now);

/* How long to wait for the next look: `interval`, more where looking is slow, but never too long.
 */
uint64_t gate_pause(const struct gate *g, uint64_t interval);
