/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/netlink.h"
#include "values/ipaddr.h"

/*
 * The tunnel device of a family (table/script.h), which takes packets from any sender to its own
 * address, and has that address: without one, packets fail the check of their way back (rp_filter)
 * even where it is loose, as it is made here. All of it is set over netlink, so a container that
 * cannot write /proc/sys will do. `n` is of NETLINK_ROUTE.
 */

/* True in *ret_changed: it was not as it should be. */
int device_ensure(bool *ret_changed, struct netlink *n, int family, struct err *e);

/* One more address of the device, of its family, for which nobody else is asked (NODAD). There
 * already is success. */
int device_add(struct netlink *n, const struct ipaddr *addr, struct err *e);

/* Whether it is there and as it should be; and how many packets have come out of tunnels by it. */
int device_is_ready(
	bool *ret, uint64_t *ret_received, struct netlink *n, int family, struct err *e);

/* Gone already is success. */
int device_remove(struct netlink *n, int family, struct err *e);

/* Where the node sends what is for an address. */
struct device_way {
	bool is_own;  /* to nowhere: it is one of the node's own addresses */
	unsigned mtu; /* of the interface that leads there directly; 0: no such interface */
};

/* Errors: the kernel's, also where it has no way there. */
int device_way_to(
	struct device_way *ret, struct netlink *n, const struct ipaddr *addr, struct err *e);
