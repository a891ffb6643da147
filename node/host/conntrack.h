/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/netlink.h"
#include "plan/plan.h"

/* What the node's connection tracking knows; `n` is of NETLINK_NETFILTER. */

/* A connection from a client to an entry of a plan, by its place there. */
struct connection {
	struct ipaddr client;
	uint32_t entry, id; /* `id`: the kernel's, in network order */
	uint16_t port, zone;
	bool zone_of_tuple; /* `zone` is of this direction alone */
};

/* Asks for all connections of a family: a filter would make each question a walk of its own. */
struct nl_msg *conntrack_question(int family) __attribute__((warn_unused_result));

/* Whether an answer is a connection to an entry; of several with the same key any. */
bool conntrack_read(struct connection *ret, const struct plan *plan, const struct nlmsghdr *h);

/* That it has gone by itself is no error. */
int conntrack_delete(
	struct netlink *n, const struct plan *plan, const struct connection *c, struct err *e);
