/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>

#include "base/err.h"
#include "base/mem.h"

/* Netlink sockets, blocking. */

/* One of our own network namespace. */
int netlink_open(struct nl_sock **ret, int protocol, struct err *e);

/*
 * Around a new socket of the protocol, which it takes out of *fd. All that is sent by it has an
 * address, so the kernel asks what who sends it may do, and not what who made the socket may.
 */
int netlink_adopt(struct nl_sock **ret, int *fd, int protocol, struct err *e);

/*
 * Asks the kernel, and tells of each message that it answers with. Consumes the question. What is
 * still there of earlier questions is none of this one's, so that one that failed harms no later
 * one. Errors: those that the kernel answers with; -EINTR: the tables changed while it was reading
 * them; -EIO: it may have answered, and that was lost.
 */
typedef void netlink_fn(void *ud, struct nlmsghdr *h);
int netlink_ask(
	struct nl_sock *s, struct nl_msg *question, netlink_fn *each, void *ud, struct err *e);

static inline struct nl_sock *netlink_close(struct nl_sock *s)
{
	nl_socket_free(s);
	return NULL;
}
DEFINE_CLEANUP(struct nl_sock *, netlink_close);
