/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * What the kernel would do with a packet, by the routes and rules of the namespace that the socket
 * belongs to (rtnetlink(7), RTM_F_FIB_MATCH): that of a program there, for how a router's packets
 * come in is not known.
 */
struct fib_answer {
	int error;        /* it is dropped, with this errno; 0: all below is known */
	struct ipnet dst; /* of the route that wins */
	struct ipaddr gateway;
	unsigned type, protocol; /* RTN_*, RTPROT_* */
	uint32_t table, metric;
};

/*
 * The answer comes at once. Errors: the kernel does not say, be it for want of memory, or says what
 * is not understood here.
 */
int fib_ask(struct fib_answer *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e);

/* What the kernel answers where routes or rules drop packets, or there are none. */
bool fib_is_drop(int error);

enum { FIB_TEXT = 2 * IPNET_TEXT + 96 };

/* "10.1.1.1/32 via 10.0.0.1 proto 4 metric 0 table 254" or what drops it; returns ret_buf. */
const char *fib_format(char ret_buf[static FIB_TEXT], const struct fib_answer *a);
