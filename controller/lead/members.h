/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "lead/lease.h"
#include "values/ipaddr.h"

/*
 * The load balancers of a fleet, by two Leases of each: its heartbeat says that it lives, the other
 * what it announces, and is written when that changes. Pure: times are passed in, usec of one
 * monotonic clock.
 *
 * One is dead that was not renewed for as long as its Lease says, in the time that counts
 * (lead/heard.h).
 */
struct members;

enum {
	MEMBERS_DURATION = 40 * 1000 * 1000, /* of a Lease that does not say */
};
static const uint64_t MEMBERS_GARBAGE = UINT64_C(3600) * 1000 * 1000; /* dead for an hour */

struct members *members_new(void);
struct members *members_free(struct members *ms);
DEFINE_CLEANUP(struct members *, members_free);

/*
 * All return whether it changes who lives or what somebody announces. This is the heartbeat of the
 * load balancer `pod`, whose addresses are none when they are unreadable, which is in *e then; it
 * is gone.
 */
bool members_seen(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e);
bool members_gone(struct members *ms, const char *pod, uint64_t now);

/* This is what it announces: nothing when that is unreadable, which is in *e then; it is gone. */
bool members_announce(
	struct members *ms, const char *pod, const struct lease *l, uint64_t now, struct err *e);
bool members_silent(struct members *ms, const char *pod, uint64_t now);

bool members_lives(const struct members *ms, const char *pod);

/* Any other event of the watch. */
bool members_heard(struct members *ms, uint64_t now);

/*
 * Those that live and announce all of these addresses, sorted, in a new array of borrowed names
 * that the caller frees. If nobody does, those that announce all of them together, as where each
 * address is at one load balancer. A name is followed by where that is, if the Lease says so:
 * "lb-1 (node2 eth0)".
 */
const char **members_announcers(const struct members *ms, const struct ipaddr vips[], size_t n_vips,
	size_t *ret_n) __attribute__((warn_unused_result));

/*
 * The addresses of those that live, for a dead one's may be another pod's soon; and of the nodes of
 * all, as long as there are their heartbeats. Sorted, each once, in a new array that the caller
 * frees.
 */
struct member_address {
	struct ipaddr addr;
	bool is_node; /* and no load balancer's own */
};
struct member_address *members_addresses(const struct members *ms, size_t *ret_n)
	__attribute__((warn_unused_result));

/* Whether these may be others than when this was asked before. */
bool members_moved(struct members *ms);

/* A Lease of one that has been dead for MEMBERS_GARBAGE; false if none. What is put out is
 * borrowed. */
struct members_garbage {
	const char *pod, *uid, *version;
	bool is_announcement; /* else its heartbeat */
};
bool members_garbage(const struct members *ms, struct members_garbage *ret);
