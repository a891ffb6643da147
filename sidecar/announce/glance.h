/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "announce/places.h"
#include "base/err.h"

/*
 * A look at all of IPVS by a child, for reading a large table takes long. Its answer is old when it
 * comes: it says where to look, and not what there is to see.
 */
struct glance;

/* `places` are the child's memory, until glance_free. */
typedef void glance_fn(void *ud, int result, const struct places *places, const struct err *e);

int glance_start(struct glance **ret, sd_event *loop, glance_fn *done, void *ud, struct err *e);

/* Ends the child, if it is still there. Takes NULL and returns it. */
struct glance *glance_free(struct glance *g);
