/* SPDX-License-Identifier: Apache-2.0 */
#include "http/readers.h"

#include <netinet/in.h>

static bool is_loopback(const struct ipaddr *a)
{
	return a->family == AF_INET ? a->bytes[0] == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(&a->v6);
}

bool readers_may(const struct config *c, const struct listen *at, const struct ipaddr *client)
{
	bool may = c->http.n_allow == 0 || is_loopback(client) || ipaddr_equal(client, &at->addr);

	for (size_t i = 0; !may && i < c->http.n_allow; i++)
		may = ipnet_contains(&c->http.allow[i], client);
	return may;
}
