/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "lead/lease_client.h"

/* Runs the election of a fleet's leader: its timer and its requests. */
struct candidate;

struct candidate_ops {
	void (*on_leadership)(void *ud, bool leads);
	/* After candidate_leave: there is nothing left to be done. */
	void (*on_left)(void *ud);
};

/* `client` is borrowed. */
int candidate_new(struct candidate **ret, const struct lease_client *client,
	const struct candidate_ops *ops, void *ud, struct err *e);
struct candidate *candidate_free(struct candidate *c);

/* The name of the leader's Lease. */
const char *candidate_lease(const struct candidate *c);

/* What the watch says of that Lease, and that its list is complete. */
void candidate_seen(struct candidate *c, const struct lease *l);
void candidate_gone(struct candidate *c);
void candidate_synced(struct candidate *c);

bool candidate_leads(const struct candidate *c);
/* "" if nobody leads. */
const char *candidate_leader(const struct candidate *c);

/* Stops leading, at once, and releases the Lease. */
void candidate_leave(struct candidate *c);
