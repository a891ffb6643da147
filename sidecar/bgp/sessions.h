/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/ipaddr.h"
#include "base/mem.h"
#include "config/config.h"

/* The BGP sessions as exabgp tells of them; logs each change once (bgp.up, bgp.down, bgp.waiting).
 */
struct sessions;

struct sessions *sessions_new(const struct config *c);
struct sessions *sessions_free(struct sessions *s);
DEFINE_CLEANUP(struct sessions *, sessions_free);

/* `now` is CLOCK_MONOTONIC in usec. Addresses that are no peers of ours are ignored. */
void sessions_up(struct sessions *s, const struct ipaddr *addr, uint64_t now);
/* True when it was up: exabgp also tells of attempts that failed. */
bool sessions_down(struct sessions *s, const struct ipaddr *addr, const char *reason, uint64_t now);
void sessions_all_down(struct sessions *s, const char *reason, uint64_t now);

size_t sessions_n_up(const struct sessions *s);

/* Logs those which are not up. */
void sessions_log_waiting(const struct sessions *s, const char *next);
