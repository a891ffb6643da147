/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "values/ipaddr.h"

/*
 * The VIPs of a fleet in shares, each of which one load balancer answers for at a time. Who of them
 * that is, all work out alike (rendezvous hashing: Thaler, Ravishankar, 1998): shares spread over
 * all that live, and one that comes or goes moves its own alone. Pure. Load balancers of different
 * versions have to agree, so what comes out here never changes.
 */

enum { SHARES = 16 };

/* The share of a VIP, 0 to SHARES - 1. */
unsigned share_of(const struct ipaddr *vip);

/*
 * How much a load balancer with this address wants a share, by VRRP's priority: 128 to 254; 127
 * less, 1 to 127, when it is `impaired`, so that any other one goes before it.
 */
unsigned share_priority(const struct ipaddr *pod, unsigned share, bool impaired);
