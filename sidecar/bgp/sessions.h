/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "announce/route.h"
#include "base/mem.h"
#include "config/config.h"
#include "values/ipaddr.h"

/* The BGP sessions as exabgp tells of them; logs each change once (bgp.up, bgp.down, bgp.waiting).
 */
struct sessions;

enum {
	SESSIONS_ERROR_SIZE = 256,
	SESSIONS_TIMEOUT = 30 * 1000 * 1000 /* usec until a peer that is not up is told of */
};

struct session {
	const struct config_peer *config;
	bool up;
	uint64_t since;                       /* of the last change; 0: there was none */
	uint64_t called;                      /* when the peer took a connection; 0: it is closed */
	uint64_t n_changes;                   /* how often it came up or went down */
	char last_error[SESSIONS_ERROR_SIZE]; /* of an attempt, too; cut when longer; "": none */
};

/* `peers` are borrowed. */
struct sessions *sessions_new(const struct config_peer *peers, size_t n);
struct sessions *sessions_free(struct sessions *s);
DEFINE_CLEANUP(struct sessions *, sessions_free);

/* `now` is CLOCK_MONOTONIC in usec. Addresses that are no peers of ours are ignored. */
void sessions_up(struct sessions *s, const struct ipaddr *addr, uint64_t now);
/* The peer has taken a connection, which may become a session. */
void sessions_called(struct sessions *s, const struct ipaddr *addr, uint64_t now);
/* True when it was up: exabgp also tells of attempts that failed. */
bool sessions_down(struct sessions *s, const struct ipaddr *addr, const char *reason, uint64_t now);
/* Of these peers, instead of those before: who stays, by its address, stays as it is. */
void sessions_follow(struct sessions *s, const struct config_peer *peers, size_t n, uint64_t now);
void sessions_all_down(struct sessions *s, const char *reason, uint64_t now);

size_t sessions_n_up(const struct sessions *s);
peer_set sessions_up_set(const struct sessions *s);
/*
 * Those that are not up, and have no connection that may still become a session. `when`: that is
 * younger than this counts as one.
 */
peer_set sessions_lost_set(const struct sessions *s, uint64_t when);

/* In the order of bgp.peers. */
size_t sessions_count(const struct sessions *s);
const struct session *sessions_at(const struct sessions *s, size_t i);

/* Logs those which are not up. */
void sessions_log_waiting(const struct sessions *s, const char *next);
