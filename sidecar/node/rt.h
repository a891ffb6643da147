/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "values/ipaddr.h"

/*
 * Our routes over rtnetlink, in whichever namespace the socket belongs to. They carry a protocol
 * number of their own (`ip route show proto 107`, the letter k): nothing else is ever read, changed
 * or removed.
 */
enum { RT_PROTOCOL = 107 };

enum rt_kind {
	RT_LOCAL, /* table local: packets to `dst` are for us */
	RT_VIA,   /* table main: packets to `dst` go to `gateway`, on-link at `ifindex` */
};

struct rt {
	struct ipnet dst;
	struct ipaddr gateway; /* family 0 for RT_LOCAL */
	int ifindex;
	uint32_t metric;
};

struct rt_list {
	struct rt *items;
	size_t n_items;
};

void rt_list_done(struct rt_list *l);
#define CLEANUP_RT_LIST CLEANUP(rt_list_done)

/* Adds our routes of this kind and family to the list. A family the kernel lacks has none. */
int rt_dump(struct rt_list *l, struct nl_sock *s, enum rt_kind kind, int family, struct err *e);

/* Errors: -EEXIST when there is a route of the same destination and metric. */
int rt_add(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e);

/* Gone already is success. */
int rt_delete(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e);

/*
 * The interface by which `addr` is reached directly. Errors: -EHOSTUNREACH when there is no route,
 * or only one through a gateway.
 */
int rt_interface_to(int *ret_ifindex, struct nl_sock *s, const struct ipaddr *addr, struct err *e);

/*
 * The address that packets to `addr` are sent from. Errors: -EHOSTUNREACH when there is no route,
 * -ENOENT when it has no usable address.
 */
int rt_source_to(struct ipaddr *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e);
