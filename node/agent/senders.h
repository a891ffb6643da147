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
 * The addresses that the load balancers of a fleet send from, by the annotation of their Leases.
 * Pure: times are passed in, usec of one monotonic clock.
 *
 * A load balancer that stops takes its Lease away and forwards on for a while, so its addresses
 * stay for SENDERS_GRACE; so do those of one that is dead by its Lease, from then on. As in
 * lead/members.h, nobody is judged while nothing is heard.
 */
struct senders;

enum { SENDERS_GRACE = 60 * 1000 * 1000 };

struct senders *senders_new(void) __attribute__((warn_unused_result));
struct senders *senders_free(struct senders *s);
DEFINE_CLEANUP(struct senders *, senders_free);

/*
 * This is a load balancer's Lease; it is gone; something was heard. All return whether the
 * addresses are others. Errors, in *e: what it says is no list of addresses, so it has none.
 */
bool senders_seen(struct senders *s, const struct lease *l, uint64_t now, struct err *e);
bool senders_gone(struct senders *s, const char *lease, uint64_t now);
bool senders_heard(struct senders *s, uint64_t now);

/* With `more` behind them, in a new array that the caller frees; in no order. */
struct ipnet *senders_list(const struct senders *s, const struct ipnet more[], size_t n_more,
	size_t *ret_n) __attribute__((warn_unused_result));
