/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "announce/announce.h"
#include "l2/links.h"
#include "l2/rival.h"

/*
 * The VIPs that we answer for, and what is due for each: it is made known in the network when it
 * becomes ours, soon again in case that was lost, and now and then for who has missed all. Who has
 * a rival is not made known: each such word takes clients from one to the other. Pure; times are
 * usec.
 */
struct holding {
	struct ipaddr vip;
	uint64_t due;    /* when it is made known again */
	unsigned n_told; /* how often it was */
	uint64_t where;  /* a hash of where it is answered for; 0: nowhere */
	struct rival rival;
};

/* Sorted by VIP. `{0}` has none. */
struct holdings {
	struct holding *items;
	size_t n_items;
};

void holdings_done(struct holdings *h);

/* From now on these, of which only single addresses count. What is known of them stays. */
void holdings_set(struct holdings *h, const struct prefixes *owned, uint64_t now);

/* NULL: it is not ours. Borrowed until holdings_set. */
struct holding *holdings_find(const struct holdings *h, const struct ipaddr *vip);

/* It is to be made known from the beginning; it was made known once. */
void holding_start(struct holding *one, uint64_t now);
void holding_told(struct holding *one, uint64_t now);

/* Up to `max` that are to be made known now, longest due first; how many. */
size_t holdings_due(struct holding *ret[], size_t max, const struct holdings *h, uint64_t now);

/* Up to `max` whose rival is to be asked for now; how many. */
size_t holdings_to_ask(struct holding *ret[], size_t max, const struct holdings *h, uint64_t now);

/* When the first of all these is, or a rival is to be looked at; UINT64_MAX: never. */
uint64_t holdings_next(const struct holdings *h);
