/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <sched.h>

#include "addresses.h"
#include "l2/mac.h"
#include "net_loopback.h"
#include "node/netlink.h"

/*
 * A network of two: the node, in whose namespace the test is, and a client in another one, each
 * with its kernel. Their interfaces are lan0 and lan1.
 */
struct lan {
	int node_ns, client_ns;
	struct nl_sock *node, *client; /* rtnetlink */
};

static inline int lan_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline void lan_go(int namespace)
{
	assert_int_equal(setns(namespace, CLONE_NEWNET), 0);
}

/* One end is the node's, the other the client's. */
static inline void lan_connect(const struct lan *lan, const char *ours, const char *theirs)
{
	struct rtnl_link *one = rtnl_link_veth_alloc(), *other = rtnl_link_veth_get_peer(one);

	rtnl_link_set_name(one, ours);
	rtnl_link_set_name(other, theirs);
	rtnl_link_set_ns_fd(other, lan->client_ns);
	assert_int_equal(rtnl_link_add(lan->node, one, NLM_F_CREATE | NLM_F_EXCL), 0);
	rtnl_link_put(other);
	rtnl_link_put(one);
}

static inline struct rtnl_link *lan_link(struct nl_sock *s, const char *name)
{
	struct rtnl_link *one = NULL;

	assert_int_equal(rtnl_link_get_kernel(s, 0, name, &one), 0);
	return one;
}

static inline int lan_index(struct nl_sock *s, const char *name)
{
	struct rtnl_link *one = lan_link(s, name);
	int index = rtnl_link_get_ifindex(one);

	rtnl_link_put(one);
	return index;
}

static inline struct mac lan_mac(struct nl_sock *s, const char *name)
{
	struct rtnl_link *one = lan_link(s, name);
	struct mac mac;

	memcpy(mac.bytes, nl_addr_get_binary_addr(rtnl_link_get_addr(one)), MAC_BYTES);
	rtnl_link_put(one);
	return mac;
}

static inline void lan_set_up(struct nl_sock *s, const char *name, bool up)
{
	struct rtnl_link *one = lan_link(s, name), *change = rtnl_link_alloc();

	if (up)
		rtnl_link_set_flags(change, IFF_UP);
	else
		rtnl_link_unset_flags(change, IFF_UP);
	assert_int_equal(rtnl_link_change(s, one, change, 0), 0);
	rtnl_link_put(change);
	rtnl_link_put(one);
}

static inline void lan_delete(struct nl_sock *s, const char *name)
{
	struct rtnl_link *one = lan_link(s, name);

	assert_int_equal(rtnl_link_delete(s, one), 0);
	rtnl_link_put(one);
}

/* The kernel renames what is down alone. */
static inline void lan_rename(struct nl_sock *s, const char *name, const char *to)
{
	struct rtnl_link *one, *change = rtnl_link_alloc();

	lan_set_up(s, name, false);
	one = lan_link(s, name);
	rtnl_link_set_name(change, to);
	assert_int_equal(rtnl_link_change(s, one, change, 0), 0);
	rtnl_link_put(change);
	rtnl_link_put(one);
	lan_set_up(s, to, true);
}

/* Usable at once, unless the kernel is to ask first whether it is free. */
static inline struct rtnl_addr *lan_address(
	struct nl_sock *s, const char *name, const char *text, unsigned flags)
{
	struct rtnl_addr *one = rtnl_addr_alloc();
	struct nl_addr *local;

	assert_int_equal(nl_addr_parse(text, AF_UNSPEC, &local), 0);
	rtnl_addr_set_local(one, local);
	rtnl_addr_set_ifindex(one, lan_index(s, name));
	rtnl_addr_set_flags(one, flags);
	nl_addr_put(local);
	return one;
}

static inline void lan_add(struct nl_sock *s, const char *name, const char *text, unsigned flags)
{
	struct rtnl_addr *one = lan_address(s, name, text, flags);
	int r = rtnl_addr_add(s, one, 0);

	if (r < 0)
		fail_msg("%s: %s", text, nl_geterror(r));
	rtnl_addr_put(one);
}

static inline void lan_remove(struct nl_sock *s, const char *name, const char *text)
{
	struct rtnl_addr *one = lan_address(s, name, text, 0);

	assert_int_equal(rtnl_addr_delete(s, one, 0), 0);
	rtnl_addr_put(one);
}

static inline bool lan_open(struct lan *lan)
{
	struct err e = {0};

	if (!net_loopback())
		return false;
	lan->node_ns = lan_namespace();
	assert_int_equal(netlink_open(&lan->node, NETLINK_ROUTE, &e), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	lan->client_ns = lan_namespace();
	assert_int_equal(netlink_open(&lan->client, NETLINK_ROUTE, &e), 0);
	lan_go(lan->node_ns);
	lan_connect(lan, "lan0", "lan1");
	lan_set_up(lan->node, "lan0", true);
	lan_set_up(lan->client, "lan1", true);
	return true;
}

static inline void lan_close(struct lan *lan)
{
	netlink_close(lan->node);
	netlink_close(lan->client);
	close(lan->node_ns);
	close(lan->client_ns);
}

/* Whether the client knows the address, and where it believes it to be. */
static inline bool lan_knows(const struct lan *lan, const char *text, struct mac *ret)
{
	int index = lan_index(lan->client, "lan1");
	struct nl_cache *all = NULL;
	struct rtnl_neigh *one;
	struct nl_addr *addr, *mac;
	bool known = false;

	assert_int_equal(nl_addr_parse(text, AF_UNSPEC, &addr), 0);
	assert_int_equal(rtnl_neigh_alloc_cache(lan->client, &all), 0);
	one = rtnl_neigh_get(all, index, addr);
	mac = one ? rtnl_neigh_get_lladdr(one) : NULL;
	if (mac && nl_addr_get_len(mac) == MAC_BYTES) {
		memcpy(ret->bytes, nl_addr_get_binary_addr(mac), MAC_BYTES);
		known = true;
	}
	if (one)
		rtnl_neigh_put(one);
	nl_cache_free(all);
	nl_addr_put(addr);
	return known;
}

/* The client has learned some time ago that it is there. */
static inline void lan_believe(const struct lan *lan, const char *text, const struct mac *mac)
{
	struct rtnl_neigh *one = rtnl_neigh_alloc();
	struct nl_addr *addr, *to = nl_addr_build(AF_LLC, mac->bytes, MAC_BYTES);

	assert_int_equal(nl_addr_parse(text, AF_UNSPEC, &addr), 0);
	rtnl_neigh_set_ifindex(one, lan_index(lan->client, "lan1"));
	rtnl_neigh_set_dst(one, addr);
	rtnl_neigh_set_lladdr(one, to);
	rtnl_neigh_set_state(one, NUD_STALE);
	assert_int_equal(rtnl_neigh_add(lan->client, one, NLM_F_CREATE | NLM_F_REPLACE), 0);
	rtnl_neigh_put(one);
	nl_addr_put(addr);
	nl_addr_put(to);
}

/* The client sends something, so that it has to find out. */
static inline void lan_send(const struct lan *lan, const char *text)
{
	const struct ipaddr to = addr_of(text);
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = to.v6};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = to.v4};
	bool is_v4 = to.family == AF_INET;
	int fd;

	lan_go(lan->client_ns);
	fd = socket(to.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	lan_go(lan->node_ns);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "x", 1, 0, is_v4 ? (void *)&v4 : (void *)&v6,
				 is_v4 ? sizeof v4 : sizeof v6),
		1);
	close(fd);
}
