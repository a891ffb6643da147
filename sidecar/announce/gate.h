/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "announce/announce.h"
#include "announce/places.h"
#include "net/ipvs.h"
#include "values/place.h"

/*
 * What this pod can serve, looked up in its own IPVS table: all of it again and again, and single
 * places when told that they have changed. A loss that a look at everything shows is believed when
 * a second one right after it agrees, because a table that changes while it is read can show in
 * part. A look at one place shows that place or that it is gone. Logs: ipvs.*.
 */
struct gate {
	struct ipvs *ipvs;    /* NULL until it could be opened */
	struct places places; /* as of the last look at each */
	struct vips vips;     /* what follows from them */
	uint64_t took;        /* usec of the last look at everything */
	uint64_t blind_since; /* when looking began to fail, 0 while it works */
};

void gate_done(struct gate *g);

/* Looks. After 5 s without a successful one nothing counts as usable. `now` in usec. */
void gate_look(struct gate *g, uint64_t now);

/*
 * Looks at these places only; at everything when there are none, or very many, or one cannot be
 * read. False when nothing has changed.
 */
bool gate_look_at(struct gate *g, const struct place places[], size_t n_places, uint64_t now);

/* What a child saw a moment ago: the places that are something else here are looked at again. */
bool gate_check(struct gate *g, const struct places *seen, uint64_t now);

/*
 * How long to wait for the next look: `interval`, more where looking is slow. Never too long for a
 * loss to be found within a second, if that is what `interval` is for.
 */
uint64_t gate_pause(const struct gate *g, uint64_t interval);
