/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "announce/announce.h"
#include "values/ipaddr.h"

/*
 * What a program shall tell the network, what it has told, and what it is to be called for next.
 * First of all a family is synchronized: the network gets to know all of our VIPs, and forgets what
 * is left of an earlier process. From then on each VIP is by itself: it has one call at a time, and
 * what is wished when that has ended decides about the next. What failed is tried again later and
 * later (loop/backoff.h). Pure but for the random part of these waits; times are passed in, usec.
 */
struct wishes;

struct wish_call {
	enum wish_kind { WISH_ADD, WISH_REMOVE, WISH_SYNC } kind;
	int family;
	struct ipnet vip; /* not of WISH_SYNC */
};

/* `families`: those that there is something to be told of, AF_INET and AF_INET6. */
struct wishes *wishes_new(bool has_ipv4, bool has_ipv6);
struct wishes *wishes_free(struct wishes *w);

/* The VIPs that the network shall know, of these families, until the next time; copied. */
void wishes_want(struct wishes *w, const struct prefixes *wanted, uint64_t now);

/*
 * What other pods of our node serve, which has one route there and in the network for all of them:
 * of these nothing is taken back as long as that is so. Copied; what is no single address is left
 * out.
 */
void wishes_spare(struct wishes *w, const struct prefixes *others, uint64_t now);

/* What is wanted is all there is now, so that families may be synchronized. */
void wishes_begin(struct wishes *w);
bool wishes_begun(const struct wishes *w);

/*
 * The next call, which counts as begun: the one that is due for the longest. False: there is none
 * now. Not more than LIMIT_EXEC_CALLS run at a time, and LIMIT_EXEC_RETRIES of what failed before,
 * so that what hangs again and again leaves room for others.
 */
bool wishes_next(struct wishes *w, struct wish_call *ret, uint64_t now);

/*
 * What WISH_SYNC has to tell, at the moment that it is begun: all of the family; and what is to be
 * left as it is. New sets.
 */
struct prefixes wishes_told(const struct wishes *w, int family);
struct prefixes wishes_left(const struct wishes *w, int family);

/*
 * A call has ended. `error`: why it failed, copied; NULL: it has done what it should. Returns
 * whether the one before, if there was one, has ended in another way.
 */
bool wishes_end(struct wishes *w, const struct wish_call *call, const char *error, uint64_t now);

/* How long until wishes_next may have one, if no call ends before; UINT64_MAX: nothing waits. */
uint64_t wishes_wait(const struct wishes *w, uint64_t now);

/* What a call has told and no later one has begun to take back, borrowed. */
const struct prefixes *wishes_heard(const struct wishes *w);
/* Whether that is all that shall be, and nothing else. */
bool wishes_are_heard(const struct wishes *w);
/* Whether the network knows all that it shall, and forgot all else, as far as one can know. */
bool wishes_are_met(const struct wishes *w);

/* VIPs and families that something is to be told of; and those of which the last call failed. */
struct wishes_count {
	size_t pending, failing;
	const char *error; /* of one of these; NULL: none fails. Borrowed */
};
struct wishes_count wishes_count(const struct wishes *w);

/* Calls `tell` for each VIP that is wanted, or to be taken back: whether it is heard, and what its
 * last call failed with. */
void wishes_each(const struct wishes *w,
	void (*tell)(void *ud, const struct ipnet *vip, bool wanted, bool heard, const char *error),
	void *ud);
