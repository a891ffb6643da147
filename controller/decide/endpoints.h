/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/fleet.h"
#include "decide/permits.h"
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
	/* Usable ones that the Service may not have, the first of these, and what that is. */
	size_t n_forbidden;
	struct ipaddr forbidden;
	const char *why_forbidden;
	/* Usable ones that the kernel refuses, and the first of these. */
	size_t n_refused;
	struct real_server refused;
	int refused_error;
	unsigned kind; /* of tunnels that they would get; TUNNEL_KINDS bits */
	bool tunnels;  /* are wanted */
	enum tunnel_to to;
	size_t n_plain; /* of `reals`, those that are not tunnelled though that is wanted */
	size_t n_nodes; /* of these, at the node's own address, where no tunnel of ours ends */
};

/*
 * Merges the slices of a Service. Ready endpoints get weight 1 and draining ones weight 0;
 * if none is ready, the draining ones get weight 1, since serving badly beats not serving
 * (KEP-1672). They are for the virtual server at `place`. Those that can be are tunnelled, if the
 * Service wants that; then one address is one real server, however many ports of it are named.
 */
void endpoints_choose(struct endpoints *ret, const struct service *service,
	const struct service_port *port, const struct place *place, const struct permits *permits);
void endpoints_done(struct endpoints *p);
