/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "host/netlink.h"
#include "values/ipaddr.h"

/* The interfaces of a pod, which lead out of it: not its loopback, nor our tunnel devices. */
struct interfaces {
	struct ipaddr addrs[LIMIT_REAL_ADDRESSES]; /* global ones, as the kernel has them */
	size_t n_addrs;
	unsigned mtu; /* the least of all; 0: there is none */
	int *indexes; /* of those where ARP is spoken; owned */
	size_t n_indexes;
};

/* `n` is of NETLINK_ROUTE. Errors: -E2BIG for more addresses than there is room for. */
int interfaces_read(struct interfaces *ret, struct netlink *n, struct err *e);
void interfaces_done(struct interfaces *i);

/*
 * From now on they answer by ARP for their own addresses alone, and ask by one of these, whatever
 * other addresses the pod has. IPv6 has it so by itself.
 */
int interfaces_hush(const struct interfaces *all, struct netlink *n, struct err *e);
