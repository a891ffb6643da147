/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/announce.h"
#include "base/mem.h"
#include "net/ipvs.h"
#include "values/place.h"

/* What was seen of the kernel's IPVS table, place by place, and the VIPs that follow. Pure. */

enum place_state {
	PLACE_GONE,   /* there is no virtual server */
	PLACE_IDLE,   /* it has no real server of weight above 0 */
	PLACE_USABLE, /* it has one */
};

/* How its real servers are reached; bits. */
enum place_ways { PLACE_BY_NAT = 1, PLACE_BY_TUNNEL = 2 };

/* Sorted by place_cmp, without duplicates; none is PLACE_GONE. `{0}` is the empty set. */
struct places {
	struct placed {
		struct place place;
		enum place_state state;
		unsigned ways; /* enum place_ways */
	} * items;
	size_t n_items;
};

void places_done(struct places *p);
#define CLEANUP_PLACES CLEANUP(places_done)

struct places places_of_table(const struct ipvs_table *t);
enum place_state places_state_of(const struct ipvs_service *s);
unsigned places_ways_of(const struct ipvs_service *s);

/* What either holds, usable if either says so: two looks at a table that changed between them. */
struct places places_union(const struct places *a, const struct places *b);

/* True when `now` lacks a place that `before` has, or has it without a usable real server. */
bool places_lost_any(const struct places *before, const struct places *now);

/*
 * Where both differ: the first `max` such places, in order, into `ret`; returns how many there are,
 * which may be more.
 */
size_t places_differ(
	const struct places *a, const struct places *b, struct place ret[], size_t max);

/* Notes what one place is now; true when it was something else. */
bool places_note(
	struct places *p, const struct place *place, enum place_state state, unsigned ways);

/*
 * The VIPs that have a tunnel, and those of these that have nothing else: no reply of theirs passes
 * this pod. The caller frees both.
 */
void places_tunnels(struct prefixes *ret_some, struct prefixes *ret_only, const struct places *p);

/* The VIPs that have a real server by NAT. The caller frees them. */
struct prefixes places_by_nat(const struct places *p);

/* Every VIP, usable if one of its places is. The caller frees it. */
struct vips places_vips(const struct places *p);
void vips_done(struct vips *v);
#define CLEANUP_VIPS CLEANUP(vips_done)
