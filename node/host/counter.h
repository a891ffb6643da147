/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "host/netlink.h"

/*
 * The packets that a named counter of nftables has seen; 0 of one that is not there. `n` is of
 * NETLINK_NETFILTER.
 */
int counter_read(uint64_t *ret, struct netlink *n, int family, const char *table, const char *name,
	struct err *e);
