/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/lease_client.h"

/*
 * Our own Lease, by which the fleet knows that we live and what we announce: renewed every ten
 * seconds, and at once, but at most once a second, when what we announce changes.
 */
struct presence;

/* `client` is borrowed. `on_left`: after presence_leave, when there is nothing left to be done. */
int presence_new(struct presence **ret, const struct lease_client *client,
	void (*on_left)(void *ud), void *ud, struct err *e);
struct presence *presence_free(struct presence *p);

/* The name of our Lease. */
const char *presence_lease(const struct presence *p);

/* What the watch says of that Lease, and that its list is complete. */
void presence_seen(struct presence *p, const struct lease *l);
void presence_gone(struct presence *p);
void presence_synced(struct presence *p);

/* What we announce, as a text of prefix_set; consumed. */
void presence_announce(struct presence *p, char *text);

/* Takes the Lease away. */
void presence_leave(struct presence *p);
