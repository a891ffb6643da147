/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address/allocation.h"
#include "decide/fleet.h"
#include "objects/service.h"

/* What the leader knows about one Service when it writes its status and its Events; all borrowed.
 */
struct facts {
	const struct service *service;
	const struct assignment *assignment;
	/* What the data plane was told to do with it; NULL: nothing was decided yet. */
	const struct fleet_service *decision;
	/* That the decision is from, for ports that another Service has; NULL: these are not told.
	 */
	const struct fleet *fleet;
	/* The VIPs of its status that have a virtual server, if it is known which, else all; or one
	 * of them that is announced, where that is enough (facts_may_lack). */
	const struct ipaddr *served;
	size_t n_served;
	/* The load balancers (pod names) that announce all of these, sorted. */
	const char *const *announcers;
	size_t n_announcers;
	bool on_layer_2; /* they do so there, and not by BGP */
	bool by_program; /* they have a program of the user's do so */
};

/*
 * Which VIPs of the status have a virtual server of the Service in this fleet, into `ret`, which
 * has room for all of them; all, if none has or there is no decision. Returns their number. Pure.
 */
size_t facts_served(struct ipaddr ret[], const struct service *s, const struct fleet_service *d,
	const struct fleet *fleet);

/* " on layer 2", or "", which goes without saying. */
const char *facts_where(const struct facts *f);

/* Whether one address announced is enough: of PreferDualStack the second one is a wish. Pure. */
bool facts_may_lack(const struct service *s);

/* Equal for equal facts, so that what was looked at once is passed over quickly. Pure. */
uint64_t facts_digest(const struct facts *f);
