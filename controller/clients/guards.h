/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "base/mem.h"
#include "decide/fleet.h"
#include "net/ipvs.h"

/*
 * Which clients may use which virtual servers, as far as not everybody may: what nftables is told,
 * in values of their own that outlive the fleet they come from. Pure.
 */
struct guard {
	struct ipaddr vip;
	uint16_t port;
	uint16_t protocol;
	struct ipnet *sources; /* of the VIP's family, sorted, none inside another; may be none */
	size_t n_sources;
};

struct guards {
	struct guard *items; /* sorted by VIP, protocol, port; no two alike */
	size_t n_items;
};

/* Of the restricted ones of sorted virtual servers. */
struct guards guards_of(const struct virtual_server *const servers[], size_t n_servers);

/* That let nobody in, for all that IPVS holds. */
struct guards guards_closed(const struct ipvs_table *kernel);

/* Adds those of `old` that are for none of the servers: IPVS may still hold what they are for. */
void guards_keep(struct guards *g, const struct guards *old,
	const struct virtual_server *const servers[], size_t n_servers);

/* Whether it is one of them, with the same clients. */
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
 * clients, which all virtual servers with the same clients share.
 */
json_t *guards_view(const struct guards *g) __attribute__((warn_unused_result));
