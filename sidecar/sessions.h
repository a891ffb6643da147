/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/ipaddr.h"
#include "base/mem.h"
#include "config/config.h"

/* The BGP sessions as exabgp tells of them; logs each change once (bgp.up, bgp.down, bgp.waiting).
 */
struct peers;

struct peers *peers_new(const struct config *c);
struct peers *peers_free(struct peers *p);
DEFINE_CLEANUP(struct peers *, peers_free);

/* `now` is CLOCK_MONOTONIC in usec. Addresses that are no peers of ours are ignored. */
void peers_up(struct peers *p, const struct ipaddr *addr, uint64_t now);
/* True when it was up: exabgp also tells of attempts that failed. */
bool peers_down(struct peers *p, const struct ipaddr *addr, const char *reason, uint64_t now);
void peers_all_down(struct peers *p, const char *reason, uint64_t now);

size_t peers_n_up(const struct peers *p);

/* Logs those which are not up. */
void peers_log_waiting(const struct peers *p, const char *next);
