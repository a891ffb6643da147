/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "values/ipaddr.h"

/* Addresses as the socket calls take them. */
union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Returns the length to pass along. */
socklen_t sockaddr_set(union sockaddr_any *ret, const struct ipaddr *addr, uint16_t port);

/* False for NULL, as getifaddrs(3) has it, and for another family than IPv4 and IPv6. */
bool sockaddr_get(struct ipaddr *ret, const struct sockaddr *from);
