/* SPDX-License-Identifier: Apache-2.0 */
#include "app/readers_guard.h"

#include <netinet/in.h>

#include "base/mem.h"

struct virtual_server readers_guard(const struct config *c, const struct listen *at)
{
	struct virtual_server own = {.vip = at->addr, .port = at->port, .protocol = IPPROTO_TCP};

	if (c->http.n_allow == 0 || !ipaddr_is_unicast(&at->addr))
		return own;
	own.restricted = true;
	own.sources = xcalloc(c->http.n_allow + 1, sizeof *own.sources);
	own.sources[own.n_sources++] = ipnet_of(&at->addr);
	for (size_t i = 0; i < c->http.n_allow; i++)
		if (c->http.allow[i].addr.family == at->addr.family)
			own.sources[own.n_sources++] = c->http.allow[i];
	own.n_sources = ipnets_settle(own.sources, own.n_sources);
	return own;
}
