/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "announce/announce.h"
#include "announce/book.h"
#include "config/config.h"
#include "values/attributes.h"

/* Routes as BGP peers get them, and what to tell them when routes change. Pure. */

/* Some of bgp.peers: a bit each, in their order. */
typedef uint32_t peer_set;

/* Those that are told something else of a route than others. */
struct peer_kinds {
	peer_set external; /* of another AS */
	peer_set extended; /* IPv4 routes lead them to an IPv6 next hop (RFC 8950) */
};

struct route {
	struct ipnet net;
	struct ipaddr next_hop;        /* family 0: there are but `extended` peers */
	struct ipaddr extended_hop;    /* of `extended` peers; family 0: the same */
	struct attributes *attributes; /* a reference; with the defaults of kago.yaml in it */
	peer_set peers;                /* who gets it; never none */
};

/* Sorted by prefix, no two alike. `{0}` is the empty set. */
struct routes_out {
	struct route *items;
	size_t n_items;
};

void routes_out_done(struct routes_out *r);
#define CLEANUP_ROUTES_OUT CLEANUP(routes_out_done)

struct routes_out routes_out_copy(const struct routes_out *r);
bool routes_out_equal(const struct routes_out *a, const struct routes_out *b);

/* How prefixes become routes. */
struct route_rules {
	const struct ipaddr *next_hop4, *next_hop6; /* NULL: none leads there */
	const struct config_peer *peers;
	size_t n_peers;
};

/* Those of `rules` that have this name, or this address; that get routes of this family. */
peer_set route_peers_named(const struct route_rules *rules, const struct attributes *a);
peer_set route_peers_of_family(const struct route_rules *rules, int family);
/* Those to whom IPv4 routes lead by IPv6. */
peer_set route_peers_extended(const struct config_peer *peers, size_t n_peers);

/*
 * The routes for these prefixes, with what the book says of them. One that nobody shall get is left
 * out.
 */
struct routes_out routes_build(
	const struct prefixes *p, const struct book *b, const struct route_rules *rules);

/* Peers that one command of exabgp is for, and what it tells them. */
struct order {
	struct route route; /* its attributes are those of `from` or `to`, without a reference */
	bool announces;     /* else it withdraws */
	/* Of the orders for this prefix the last: then peers have `settled`. */
	bool settles;
	const struct route *settled; /* of `to`; NULL: nobody has it any more */
};

enum { ORDERS_OF_ROUTE = 6 };

/*
 * What brings peers from one set to the other, at most `max` orders of as many routes as have room:
 * first what withdraws alone. Who has a route keeps it while its attributes change. What is not the
 * same for all kinds of peers is told each in a command of its own.
 */
size_t orders_build(struct order ret[], size_t max, const struct routes_out *from,
	const struct routes_out *to, struct peer_kinds kinds);

/* What has become of `net`; NULL: nobody has it. Takes a reference of its own. */
void routes_out_note(struct routes_out *r, const struct ipnet *net, const struct route *now);

/*
 * The peers have other places from now on: `now` has that of each of the `n` before, PEER_GONE for
 * one that has lost what it was told. A route that nobody has is left out.
 */
enum { PEER_GONE = -1 };
void routes_out_renumber(struct routes_out *r, const int now[], size_t n);

/* The prefixes that one of these peers has. The caller frees them. */
struct prefixes routes_out_of(const struct routes_out *r, peer_set peers);

/* How many routes a peer has. */
size_t routes_out_count(const struct routes_out *r, peer_set peer);
