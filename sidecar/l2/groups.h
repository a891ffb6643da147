/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"
#include "l2/wire.h"
#include "values/ipaddr.h"

/*
 * The IPv6 multicast groups in which it is asked for our VIPs: the kernel tells switches, so that
 * those that snoop MLD send them here, and the network card. Where it takes no more groups
 * (net.core.optmem_max) the network card alone is told. Logs: l2.unjoined.
 */
struct group {
	int index; /* of the interface */
	struct ipaddr addr;
	bool by_frames; /* the network card alone knows */
};
struct groups;

/* Consumes `fd`, of SOCKETS_GROUPS, which may be -1. `wire` must outlive it. */
struct groups *groups_new(int fd, struct wire *wire);
struct groups *groups_free(struct groups *g);
DEFINE_CLEANUP(struct groups *, groups_free);

/* We are in these from now on, and in no others. Those that failed are tried again. Sorts them. */
void groups_set(struct groups *g, struct group wanted[], size_t n);
