/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hands.h"

#include <linux/netlink.h>

void hands_done(struct hands *h)
{
	netlink_close(h->route);
	netlink_close(h->netfilter);
	netlink_close(h->generic);
	nftables_free(h->nftables);
	*h = (struct hands){0};
}

int hands_open(struct hands *h, struct err *e)
{
	int r = netlink_open(&h->route, NETLINK_ROUTE, e);

	if (r == 0)
		r = netlink_open(&h->netfilter, NETLINK_NETFILTER, e);
	if (r == 0)
		r = netlink_open(&h->generic, NETLINK_GENERIC, e);
	if (r == 0)
		h->nftables = nftables_new();
	return r;
}
