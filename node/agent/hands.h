/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "host/netlink.h"
#include "host/nftables.h"

/* What the kernel of the network namespace that we are in is written and read with. */
struct hands {
	struct netlink *route, *netfilter, *generic;
	struct nftables *nftables;
};

/* Errors: hands_done has to follow all the same. */
int hands_open(struct hands *h, struct err *e);
void hands_done(struct hands *h);
