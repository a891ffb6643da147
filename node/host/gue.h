/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/netlink.h"

/*
 * The UDP port at the address of the tunnel device (table/script.h) whose packets the kernel takes
 * out of GUE (draft-ietf-intarea-gue, linux/fou.h): what is in them goes to the device then, as if
 * it had come without UDP. At that address alone, which nobody can send to (table `outer`), so that
 * the node's other addresses have no such port. `n` is of NETLINK_GENERIC.
 */

/* Opens it, in the place of another one there. True in *ret_changed: it was not open. */
int gue_ensure(bool *ret_changed, struct netlink *n, int family, uint16_t port, struct err *e);

/* The port that is open; 0 in *ret: none. */
int gue_look(uint16_t *ret, struct netlink *n, int family, struct err *e);

/* Gone already is success. */
int gue_remove(struct netlink *n, int family, struct err *e);
