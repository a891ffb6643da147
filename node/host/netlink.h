/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Requests to the kernel that are answered at once: rtnetlink and nfnetlink, in the network
 * namespace we are in. All calls block for a round trip.
 */
struct netlink;

/* `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC. */
int netlink_open(struct netlink **ret, int protocol, struct err *e);
struct netlink *netlink_close(struct netlink *n);
DEFINE_CLEANUP(struct netlink *, netlink_close);

/*
 * Sends the message, which is consumed, and reads its answers to the end, `each` being called with
 * them; it may be NULL. Errors: the kernel's errno, with its name for a message; the caller says
 * what it was about. -EAGAIN: nothing is known; what was read changed meanwhile (NLM_F_DUMP_INTR),
 * or a question or an answer was lost, after which the next one has a new socket.
 */
int netlink_ask(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e);

/* The same in parts: after netlink_begin, netlink_more until *ret_ended or an error. One of them
 * takes what the kernel says at a time, 32 KiB at most. */
int netlink_begin(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e);
int netlink_more(bool *ret_ended, struct netlink *n, struct err *e);

/* How often a reader asks before it says -EAGAIN, too. */
enum { NETLINK_READS = 8 };

/* A new request with its fixed header behind that of netlink. */
struct nl_msg *netlink_msg(int type, int flags, const void *header, size_t len)
	__attribute__((warn_unused_result));

/* Running out of memory is fatal in these, as everywhere. */
void netlink_put(struct nl_msg *m, int type, const void *data, size_t len);
void netlink_put_u32(struct nl_msg *m, int type, uint32_t value);
void netlink_put_text(struct nl_msg *m, int type, const char *text);
struct nlattr *netlink_nest(struct nl_msg *m, int type);

/* In a request about an interface: its IPv4 settings, IPV4_DEVCONF_... of linux/ip.h, which else
 * are in /proc/sys/net/ipv4/conf. */
struct netlink_setting {
	int which;
	uint32_t value;
};
void netlink_put_settings(struct nl_msg *m, const struct netlink_setting settings[], size_t n);
