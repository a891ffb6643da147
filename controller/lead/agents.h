/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "lead/lease.h"
#include "values/tunnel_set.h"

/*
 * The agents of nodes, by a Lease of each, tunnels.kago-FLEET.NODE: that it lives, which kinds of
 * tunnels its node takes (LEASE_TUNNELS, as tunnel_kinds_parse reads it), and the node's own
 * addresses (LEASE_NODE_IPS), which older agents do not say. Pure: times are passed in, usec of one
 * monotonic clock, of which heard.h says what counts.
 *
 * What a node does with packets is its kernel's, and goes on without an agent. So a node comes when
 * its agent was seen to renew its Lease, and goes when that is void, is gone, or says no more that
 * it takes tunnels: an agent that is started anew changes nothing, and one that comes and goes all
 * the time changes the list once in AGENTS_DURATION at most.
 *
 * Where most of them are silent together, at least AGENTS_TOGETHER, it is not their nodes that are
 * dead, but what all agents need is gone: a token, a permission, an image. Those stay whose Leases
 * become void then, each until it is heard of again or its Lease is gone.
 */
struct agents;

enum { AGENTS_DURATION = 40 * 1000 * 1000 /* of a Lease that does not say */ };
enum { AGENTS_TOGETHER = 3 };
static const uint64_t AGENTS_GARBAGE = UINT64_C(3600) * 1000 * 1000;       /* dead for an hour */
static const uint64_t AGENTS_KEPT = UINT64_C(7 * 24 * 3600) * 1000 * 1000; /* a week */

struct agents *agents_new(void);
struct agents *agents_free(struct agents *a);
DEFINE_CLEANUP(struct agents *, agents_free);

/*
 * This is the Lease of the agent with the name `lease`, whose addresses are none when they are
 * unreadable, which is in *e then; it is gone; anything else was heard. True: agents_nodes may give
 * something else than before.
 */
bool agents_seen(
	struct agents *a, const char *lease, const struct lease *l, uint64_t now, struct err *e);
bool agents_gone(struct agents *a, const char *lease, uint64_t now);
bool agents_heard(struct agents *a, uint64_t now);

/*
 * The nodes that take tunnels, if those of `published` are the ones that did so far: who is new was
 * seen to renew, who is among them was not seen to be dead, or only together with most. Of more
 * than `max` bytes of text, with their addresses, the last are left out.
 */
struct agents_left {
	size_t out;    /* how many are left out */
	size_t silent; /* how many stay though their Leases are void */
};
void agents_nodes(struct tunnel_set *ret, struct agents_left *ret_left, struct agents *a,
	const struct tunnel_set *published, size_t max);

/*
 * The Lease of one that has been dead for AGENTS_GARBAGE, or AGENTS_KEPT while most are silent
 * together; false if none. Borrowed.
 */
struct agents_garbage {
	const char *lease, *uid, *version;
};
bool agents_garbage(const struct agents *a, struct agents_garbage *ret);
