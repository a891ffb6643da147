/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"

/* What of a fleet is in one file. `{0}` is none. */
struct edition {
	struct fleet *fleet;
	const struct virtual_server **servers; /* of the fleet, sorted */
	size_t n_servers;
};

/* Takes a reference of `fleet`; those servers for which `fn` says so are left out. */
struct edition edition_of(struct fleet *fleet,
	bool (*leave_out)(void *ud, const struct virtual_server *vs), void *ud);
struct edition edition_copy(const struct edition *ed);
void edition_done(struct edition *ed);

/* Leaves nothing behind. */
struct edition edition_take(struct edition *from);

/* Whether keepalived would see no difference. */
bool edition_same(const struct edition *a, const struct edition *b);

bool edition_has(const struct edition *ed, const struct place *place, const struct ipaddr *addr,
	uint16_t port);

/* Logs that a file was written: config.written, with what is different. */
void edition_log(const struct edition *before, const struct edition *now);
