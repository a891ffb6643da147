/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "decide/fleet.h"

/*
 * What Services say of the routes to their VIPs, as the sidecar is told of it (control/control.h,
 * "routes"): all of it, and what a decision changes.
 */

/* Sorted by VIP, no two alike. `{0}`: nothing is said. */
struct route_news {
	struct spoken {
		struct ipaddr vip;
		struct attributes *said; /* a reference */
	} * items;
	size_t n_items;
};

void route_news_done(struct route_news *r);

/*
 * Goes on from one decision to the next; `before` may be NULL. What is to be told then, as one
 * message, new; NULL: nothing.
 */
json_t *route_news_next(struct route_news *r, const struct fleet *before, const struct fleet *now);

/* All of it as one message. `only`: nothing is said of any other route. New. */
json_t *route_news_all(const struct route_news *r, bool only);
