/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * What the node's connection tracking knows of TCP connections that pass it (conntrack(8)), over a
 * socket of NETLINK_NETFILTER in its network namespace.
 */

/* From an address of the pod, to an address and port. */
struct tracked_ask {
	struct ipaddr from, to; /* of one family */
	uint16_t port;
	bool is_up; /* those that are established alone; else all that is remembered */
};

/*
 * The address from which the other end sees such a connection: `from` itself, or another one if
 * the node's NAT changes it, which wins where both are known. family 0: no such connection is
 * known. The kernel walks its whole table, of which it gives what was asked for alone since Linux
 * 5.8. Errors: -EOPNOTSUPP where it gives all, which is too much to ask for again.
 */
int tracked_source(
	struct ipaddr *ret, struct nl_sock *s, const struct tracked_ask *ask, struct err *e);
