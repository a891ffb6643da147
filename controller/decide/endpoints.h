/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "decide/fleet.h"
#include "objects/service.h"
#include "objects/slice.h"

/* Which real servers the virtual servers of one port and one address family get. */

struct endpoints {
	struct real_server *reals; /* sorted by address, then port, no two alike; owned */
	size_t n_reals;
	size_t n_left_out; /* over LIMIT_ENDPOINTS */
	/* Why there is none: what was seen, from one step of the selection to the next. */
	size_t n_slices;    /* of the Service */
	size_t n_named;     /* of these, with host names in place of addresses */
	size_t n_of_family; /* endpoints, in slices of the family */
	size_t n_of_port;   /* of these, with the port; duplicates are one */
	/* Elements of slices that cannot be used; the first slice that has any, borrowed. */
	size_t n_unusable;
	const struct slice *unusable;
};

/*
 * Merges the slices chained at `slices`. Ready endpoints get weight 1 and draining ones weight 0;
 * if none is ready, the draining ones get weight 1, since serving badly beats not serving
 * (KEP-1672).
 */
void endpoints_choose(struct endpoints *ret, const struct slice *slices,
	const struct service_port *port, int family);
void endpoints_done(struct endpoints *p);
