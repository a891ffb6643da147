/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Whose datagram sockets with abstract names are, as the kernel of the namespace that `diag` was
 * made in knows it (sock_diag(7)): nobody can hold a name in somebody else's. No socket has to be
 * made or connected for that, so a process that has no way into the namespace any more can ask.
 */

/* `uid` is that of whoever made the socket. */
typedef void owners_fn(void *ud, const char *name, uid_t uid);

/* Errors: the kernel does not say: it may lack the module unix_diag, or be older than 5.3. */
int owners_each(struct nl_sock *diag, owners_fn *found, void *ud, struct err *e);
