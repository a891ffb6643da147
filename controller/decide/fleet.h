/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "objects/fleet_rules.h"
#include "objects/policy.h"
#include "objects/reason.h"
#include "objects/store.h"
#include "values/forward.h"
#include "values/ipaddr.h"
#include "values/place.h"

/*
 * What one fleet of load balancers shall serve: the decision, made from the objects of the store
 * alone. Pure, sorted and deterministic: the same objects in any order give the same fleet.
 */

struct real_server {
	struct ipaddr addr;
	uint16_t port;   /* IPVS's: what it is told by; that of the virtual server in a tunnel */
	uint32_t weight; /* 1, or 0 while it drains */
	struct forward forward;
	uint16_t target; /* the port that it listens on */
};

/* One VIP, protocol and port. Fleets that follow each other share those that stay the same. */
struct virtual_server {
	const char *ns, *name; /* the Service; borrowed from its fleet_service */
	struct ipaddr vip;
	uint16_t port;
	uint16_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	enum scheduler scheduler;
	uint32_t persistence; /* seconds; 0: none */
	struct health_check check;
	struct real_server *reals; /* sorted by address, then port; never empty */
	size_t n_reals;
	size_t n_plain; /* of `reals`, by NAT though tunnels are wanted */
	size_t n_nodes; /* of these, at their node's own address, where no tunnel ends */
	/* Clients that may use it (spec.loadBalancerSourceRanges): of the family of the VIP,
	 * sorted, none inside another. */
	struct ipnet *sources;
	size_t n_sources;
	bool restricted; /* only `sources` may, which may be none; else everybody may */
	bool tunnels;    /* are wanted */
	enum tunnel_to to;
	uint64_t born; /* the number of the fleet that it was made for */
};

/* What became of a Service that is ours. */
enum fleet_outcome {
	FLEET_SERVED, /* every VIP and port has a virtual server */
	/* accepted, but some or all of its virtual servers have no endpoint, or none that they may
	 * have, or are refused by the kernel; the reason says which */
	FLEET_NO_ENDPOINTS,
	FLEET_CONFLICT, /* another Service holds some of its VIP:protocol:port */
	FLEET_REJECTED, /* its own fields or annotations are wrong; nothing of it is served */
	FLEET_PENDING,  /* it has no address yet: its status has none that it may have */
};

struct fleet_service {
	char *ns, *name;
	enum fleet_outcome outcome;
	enum reason reason;
	char *message; /* for people: what, why, and what would be right */
	/* What is to be complained about, without how much is served: that changes whenever
	 * something is scaled. Unless it is rejected or pending; NULL: nothing. */
	char *complaint;
	struct ipaddr *vips; /* sorted; empty when rejected or pending */
	size_t n_vips;
	size_t n_virtual_servers;
	/* Real servers that it may come to have, and its source ranges: what admission counts. None
	 * of one that is too large. */
	size_t n_wanted, n_sources;
	int64_t created; /* of the Service */
	/* What it says of the routes to its VIPs; NULL: nothing. `route_refused`: a bit for each
	 * VIP where that does not count (decide/routing.h). */
	struct attributes *route;
	unsigned route_refused;
	enum reason route_reason; /* of a complaint about it */
	char *route_complaint;    /* NULL: none */
	uint64_t born;            /* the number of the fleet that it was made for */
};

/* What a fleet has and the next one has not (decide/succession.h). */
struct fleet_gone {
	struct virtual_server **servers;
	size_t n_servers;
	struct fleet_service **services;
	size_t n_services;
};

/* Immutable once it is made, and shared by those who carry it out. */
struct fleet {
	struct virtual_server **servers; /* sorted by VIP, protocol, port; no two alike */
	size_t n_servers;
	struct fleet_service **services; /* sorted by namespace, name */
	size_t n_services;
	size_t n_wanted, n_sources; /* of all its Services */
	bool is_full;               /* it has no room for some Service */
	/* Those of `services` that have no virtual server at some of their places, or no say in a
	 * route: they may win that by what becomes of others. */
	struct fleet_service **without;
	size_t n_without;
	unsigned n_refs;

	/* Of the fleets that follow each other; NULL at the ends. */
	struct fleet *before, *after;
	uint64_t number; /* in the order in which they were made */
	struct fleet_gone gone;
};

/* Never fails: what is wrong with a Service is in it. The caller has the first reference. */
struct fleet *fleet_build(const struct store *s, const struct fleet_rules *rules)
	__attribute__((warn_unused_result));
/* Both take NULL. fleet_unref returns it, and frees a fleet of which nobody has a reference. */
struct fleet *fleet_ref(struct fleet *f);
struct fleet *fleet_unref(struct fleet *f);
DEFINE_CLEANUP(struct fleet *, fleet_unref);

/*
 * What fleet_build would give, made from the decision before: only Services that have changed, or
 * their EndpointSlices, since the last fleet_next are decided anew, unless that concerns others,
 * too, or there are very many. NULL: nothing has changed. `old` may be NULL; the rules are those it
 * was made with, or store_touch was called.
 */
struct fleet *fleet_next(struct fleet *old, struct store *s, const struct fleet_rules *rules)
	__attribute__((warn_unused_result));

/* What became of a Service; NULL if it is not of the fleet. */
const struct fleet_service *fleet_find(const struct fleet *f, const char *ns, const char *name);

/* All its virtual servers, as functions that take a selection want them; borrowed. */
const struct virtual_server *const *fleet_servers(const struct fleet *f);

/* Whether any of its real servers is reached through a tunnel. */
bool virtual_server_tunnels(const struct virtual_server *vs);

struct place virtual_server_place(const struct virtual_server *vs);

/* The one at a place, among sorted ones; NULL if none. */
const struct virtual_server *virtual_server_find(
	const struct virtual_server *const servers[], size_t n, const struct place *place);

/* Its real server with this address and port; NULL if none. */
const struct real_server *virtual_server_real(
	const struct virtual_server *vs, const struct ipaddr *addr, uint16_t port);

/* The order of virtual servers: that of their places. */
int virtual_server_cmp(const struct virtual_server *a, const struct virtual_server *b);
