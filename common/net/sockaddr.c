/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sockaddr.h"

socklen_t sockaddr_set(union sockaddr_any *ret, const struct ipaddr *addr, uint16_t port)
{
	*ret = (union sockaddr_any){0};
	if (addr->family == AF_INET) {
		ret->v4 = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = addr->v4};
		return sizeof ret->v4;
	}
	ret->v6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = addr->v6};
	return sizeof ret->v6;
}

bool sockaddr_get(struct ipaddr *ret, const struct sockaddr *from)
{
	union {
		const struct sockaddr *any;
		const struct sockaddr_in *v4;
		const struct sockaddr_in6 *v6;
	} s = {.any = from};

	if (!from || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return false;
	*ret = ipaddr_from_bytes(from->sa_family, from->sa_family == AF_INET
							  ? (const void *)&s.v4->sin_addr
							  : (const void *)&s.v6->sin6_addr);
	return true;
}
