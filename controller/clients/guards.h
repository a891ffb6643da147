/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "decide/fleet.h"
#include "net/ipvs.h"
#include "values/ipaddr.h"

/*
 * Which clients may use which virtual servers, as far as not everybody may, and which have tunnels:
 * what nftables is told, in values of their own that outlive the fleet they come from. A listener
 * of our own counts as a virtual server. Pure.
 *
 * Of a connection through a tunnel conntrack sees what the client sends alone, and calls most of
 * that invalid.
 */
struct guard {
	struct ipaddr vip;
	uint16_t port;
	uint16_t protocol;
	struct ipnet *sources; /* of the VIP's family, sorted, none inside another; may be none */
	size_t n_sources;
	bool open; /* to everybody, whatever `sources` */
	bool tunnels;
};

struct guards {
	struct guard *items; /* sorted by VIP, protocol, port; no two alike */
	size_t n_items;
};

/* Of those of sorted virtual servers that are restricted or have tunnels. */
struct guards guards_of(const struct virtual_server *const servers[], size_t n_servers);

/* That let nobody in, for all that IPVS holds. */
struct guards guards_closed(const struct ipvs_table *kernel);

/*
 * Adds those of `old` that are for none of the servers: IPVS may still hold what they are for. If
 * all together have more than LIMIT_FLEET_SOURCES, the added ones let nobody in: what is wanted
 * never waits for what is gone.
 */
void guards_keep(struct guards *g, const struct guards *old,
	const struct virtual_server *const servers[], size_t n_servers);

/* How many prefixes guards_view has, or more where that is no more than
 * LIMIT_FLEET_SOURCES. */
size_t guards_n_sources(const struct guards *g);

/* Whether it is one of them, with the same clients and the same kind of real servers. */
bool guards_have(const struct guards *g, const struct guard *guard);

bool guards_equal(const struct guards *a, const struct guards *b);

void guards_done(struct guards *g);
static inline void guards_donep(struct guards *g)
{
	guards_done(g);
}

/*
 * What the nftables template gets (docs/template.md): "guarded4" and "guarded6" list the virtual
 * servers, "allowed4" and "allowed6" the prefixes; "clients" in both is the number of a set of
 * clients, which all virtual servers with the same clients share. "tunnelled4" and "tunnelled6"
 * list the virtual servers with tunnels.
 */
json_t *guards_view(const struct guards *g) __attribute__((warn_unused_result));
