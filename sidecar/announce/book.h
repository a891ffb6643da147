/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "announce/announce.h"
#include "config/config.h"
#include "values/attributes.h"

/*
 * What the controller has told of routes: the attributes of those of which Services say something.
 * It is no word on whether there is such a route. Pure.
 */

/* Sorted by prefix, no two alike. `{0}` is the empty book. */
struct book {
	struct book_page {
		struct ipnet net;
		struct attributes *said; /* by a Service; NULL: nothing any more */
		struct attributes *all;  /* with the defaults where it says nothing */
		bool leaving;            /* the Service is gone, the route maybe not yet */
	} * items;
	size_t n_items;
	struct attributes *defaults; /* of routes of which nothing is said; NULL: nothing */
};

void book_done(struct book *b);
#define CLEANUP_BOOK CLEANUP(book_done)

/* Takes a reference of its own, in the place of that to the defaults before. */
void book_set_defaults(struct book *b, struct attributes *defaults);

/* Those of kago.yaml (bgp.communities and so on). */
void book_set_config(struct book *b, const struct config *c);

/* All but the defaults. */
void book_clear(struct book *b);

/* Takes its own reference. */
void book_set(struct book *b, const struct ipnet *net, struct attributes *said);
/* What was said holds as long as the route is there. */
void book_leave(struct book *b, const struct ipnet *net);
/* Forgets what has left, but for these, and what is no different from what no Service says. */
void book_sweep(struct book *b, const struct prefixes *announced);

/*
 * For one prefix after the other, in their order; *at is 0 at first. NULL: nothing is said of it.
 * Borrowed.
 */
const struct book_page *book_next(const struct book *b, size_t *at, const struct ipnet *net);
