/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "lead/lease.h"

/*
 * Who leads, by one Lease: when this process may take it, must renew it, and leads. Pure: all times
 * are passed in, usec of one monotonic clock of this process. Clocks of different machines are
 * never compared.
 *
 * A Lease may be taken when it is nobody's, ours, or was not renewed for as long as it says,
 * counted from when this process saw the last renewal. The request names the version of the Lease
 * that was seen, so it succeeds only if nobody has renewed or taken it since (409 otherwise).
 *
 * A leader counts from when it *sent* the last renewal that succeeded. Nobody saw that renewal
 * earlier, so with 7 s for the leader and 10 s for the others there are 3 s between one leader and
 * the next. A renewal that is sent at the last moment must end within these 3 s.
 */

enum {
	ELECTION_DURATION = 10 * 1000 * 1000, /* what we write into the Lease */
	ELECTION_LEADS = 7 * 1000 * 1000,     /* after a renewal */
	ELECTION_RENEW = 2 * 1000 * 1000,     /* from renewal to renewal */
	ELECTION_TIMEOUT = 3 * 1000 * 1000,   /* of one request */
	ELECTION_JITTER = 1000 * 1000, /* the most that one waits so that not all try at once */
	ELECTION_VERSION = 64,         /* bytes of a resourceVersion */
};

/* The Lease as it was known at one time. */
struct election_sight {
	bool present; /* else the rest is what was known when it went away */
	char holder[LIMIT_NAME + 1];
	char version[ELECTION_VERSION];
	uint64_t at, duration; /* when it was renewed, as seen from here; for how long */
	uint64_t transitions;
	int64_t acquired;
};

struct election {
	const char *identity; /* borrowed */
	uint64_t jitter;      /* our part of ELECTION_JITTER */
	bool known;           /* a complete list was seen */
	bool leads, leaving, left;
	struct election_sight told; /* by the watch */
	struct election_sight held; /* by the last request that succeeded; `present` if it counts */
	uint64_t renewed;           /* when that request was sent */
	uint64_t not_before;        /* the next request */
	uint64_t retry_delay;
	bool pending; /* a request is under way */
	uint64_t sent_at;
	struct election_sight sent;
};

enum election_action {
	ELECTION_WAIT,
	ELECTION_CREATE,  /* POST */
	ELECTION_UPDATE,  /* PUT, to take or to renew */
	ELECTION_RELEASE, /* PUT, without a holder */
};

struct election_step {
	enum election_action action;
	uint64_t at; /* ELECTION_WAIT: when to ask again; UINT64_MAX: when something was seen */
	/* What to send. */
	const char *version, *holder;
	uint64_t transitions;
	int64_t acquired;
};

/* `random` is any number. */
void election_init(struct election *el, const char *identity, uint64_t random);

/* The watch said so: the Lease is this now; it is gone; the list is complete. */
void election_seen(struct election *el, const struct lease *l, uint64_t now);
void election_gone(struct election *el);
void election_synced(struct election *el, uint64_t now);

/* Gives up for good: releases the Lease if it is ours. */
void election_leave(struct election *el);
/* There is nothing left to be done after election_leave. */
bool election_left(const struct election *el);

bool election_leads(const struct election *el, uint64_t now);

/* "" if nobody leads. */
const char *election_leader(const struct election *el, uint64_t now);

/*
 * What to do now; also stops leading when it is time for that. A step that is not ELECTION_WAIT is
 * a request to be sent now with a timeout of ELECTION_TIMEOUT; its end is told by
 * election_answered. `wall`: usec since 1970.
 */
struct election_step election_next(struct election *el, uint64_t now, int64_t wall);

/* `status`: of HTTP, 0 if there was no answer. `version`: the new one; "" if it failed. */
void election_answered(
	struct election *el, int status, const char *version, uint64_t retry_after, uint64_t now);
