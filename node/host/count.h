/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "host/netlink.h"

/*
 * How many rules an IPv4 table of nftables has, and how many elements a set or map of it; 0 of what
 * is not there. `n` is of NETLINK_NETFILTER.
 */
int count_rules(size_t *ret, struct netlink *n, const char *table, struct err *e);
int count_elements(
	size_t *ret, struct netlink *n, const char *table, const char *set, struct err *e);
