/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/lease_client.h"

/*
 * A Lease that is ours alone and kept as we want it: made, renewed, made again when somebody takes
 * it away, and written at once, but at most once a second, when what it says changes. What somebody
 * else has it say is put right at once; as long as he goes on, more and more seldom, down to once a
 * minute.
 */
struct own_lease;

/*
 * `client` is borrowed, `name` copied. `renew`: usec between two renewals; 0: only news are
 * written. `on_left`: after own_lease_leave, when there is nothing left to be done. Errors: -EINVAL
 * for a name that is too long.
 */
int own_lease_new(struct own_lease **ret, const struct lease_client *client, const char *name,
	uint64_t renew, void (*on_left)(void *ud), void *ud, struct err *e);
struct own_lease *own_lease_free(struct own_lease *p);

const char *own_lease_name(const struct own_lease *p);

/* When it was renewed last, as loop_clock; 0: it was not. */
uint64_t own_lease_renewed(const struct own_lease *p);

/* What the watch says of it, and that its list is complete. */
void own_lease_seen(struct own_lease *p, const struct lease *l);
void own_lease_gone(struct own_lease *p);
void own_lease_synced(struct own_lease *p);

/* What we announce, as a text of prefix_set, is in it from now on; consumed. */
void own_lease_announce(struct own_lease *p, char *text);

/* The annotations announced_on, tunnels, node, pod_ips and node_ips of `says` are in it from now
 * on; NULL: it has none. */
void own_lease_annotate(struct own_lease *p, const struct lease *says);

/* The annotation tables is in it from the next renewal on, which it does not bring about; consumed.
 */
void own_lease_carry(struct own_lease *p, char *tables);

/* Takes it away; tried again every second until it is gone. */
void own_lease_leave(struct own_lease *p);
