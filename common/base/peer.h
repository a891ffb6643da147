/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Who is at the other end of a Unix socket. Abstract names are open to all in their network
 * namespace, so only the kernel's word says whom we talk to (SO_PEERCRED, unix(7)).
 */

/* The user that connected to us, or that listens where we connected to. */
int peer_uid(uid_t *ret, int fd, struct err *e);

/* Our own user, or root, who can be it whenever root likes. */
bool peer_is_trusted(uid_t uid);

/* Both in one; false also when the kernel does not say. */
bool peer_is_ours(int fd);
