/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Sockets inside another network namespace: a socket belongs to the namespace it was made in, so we
 * visit it for the moment of creation only.
 */

/* A connected, blocking rtnetlink socket; `path` names the namespace, "" is our own. */
int netns_rtnl(struct nl_sock **ret, const char *path, struct err *e);

/* A socket(2); returns the descriptor. */
int netns_socket(const char *path, int domain, int type, struct err *e);

static inline struct nl_sock *netns_rtnl_free(struct nl_sock *s)
{
	nl_socket_free(s);
	return NULL;
}
DEFINE_CLEANUP(struct nl_sock *, netns_rtnl_free);
