/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <linux/netlink.h>

#include "host/device.h"

#include "addresses.h"
#include "agent/half.h"
#include "net_loopback.h"

/*
 * The kernel of a node in a namespace of the test's own: nftables is real, tunnel devices are not,
 * for not every kernel has them. To be linked with --wrap for each __wrap_ below.
 */

static struct {
	const char *missing; /* why there can be no device; NULL: there is one */
	struct {
		const char *pod;
		struct device_way way; /* mtu UINT_MAX: the kernel finds none */
	} ways[4];                     /* to other pods: directly, with an MTU of 1500 */
	const char *no_gue;            /* why its port cannot be opened; NULL: it is */
	unsigned n_asked;              /* for ways */
	uint64_t later;                /* usec that have passed besides */
	unsigned n_interrupted;        /* looks at nftables to come that fail */
} kernel;

int __wrap_device_ensure(bool *ret_changed, struct netlink *n, int family, struct err *e);
int __wrap_gue_ensure(
	bool *ret_changed, struct netlink *n, int family, uint16_t port, struct err *e);
int __wrap_device_way_to(
	struct device_way *ret, struct netlink *n, const struct ipaddr *addr, struct err *e);
uint64_t __real_loop_clock(void);
uint64_t __wrap_loop_clock(void);
int __real_netlink_ask(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e);
int __wrap_netlink_ask(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e);

int __wrap_device_ensure(bool *ret_changed, struct netlink *n, int family, struct err *e)
{
	(void)n;
	(void)family;
	*ret_changed = false;
	return kernel.missing ? err_set(e, EOPNOTSUPP, "%s", kernel.missing) : 0;
}

int __wrap_gue_ensure(
	bool *ret_changed, struct netlink *n, int family, uint16_t port, struct err *e)
{
	(void)n;
	(void)family;
	(void)port;
	*ret_changed = false;
	return kernel.no_gue ? err_set(e, ENOENT, "%s", kernel.no_gue) : 0;
}

int __wrap_netlink_ask(struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), void *ud, struct err *e)
{
	bool is_dump = (nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int r = __real_netlink_ask(n, m, each, ud, e);

	if (r < 0 || !is_dump || kernel.n_interrupted == 0)
		return r;
	kernel.n_interrupted--;
	return err_set(e, EAGAIN, "it changed while it was read");
}

int __wrap_device_way_to(
	struct device_way *ret, struct netlink *n, const struct ipaddr *addr, struct err *e)
{
	(void)n;
	*ret = (struct device_way){.mtu = 1500};
	kernel.n_asked++;
	for (size_t i = 0; i < 4 && kernel.ways[i].pod; i++) {
		const struct ipaddr pod = addr_of(kernel.ways[i].pod);

		if (ipaddr_equal(&pod, addr))
			*ret = kernel.ways[i].way;
	}
	return ret->mtu == UINT_MAX ? err_set(e, EHOSTUNREACH, "no route") : 0;
}

uint64_t __wrap_loop_clock(void)
{
	return __real_loop_clock() + kernel.later;
}

static inline void hands_take(struct hands *h)
{
	struct err e = {0};

	assert_int_equal(netlink_open(&h->route, NETLINK_ROUTE, &e), 0);
	assert_int_equal(netlink_open(&h->netfilter, NETLINK_NETFILTER, &e), 0);
	h->nftables = nftables_new();
}

static inline void hands_drop(struct hands *h)
{
	netlink_close(h->route);
	netlink_close(h->netfilter);
	nftables_free(h->nftables);
}

/* What `nft COMMAND` does, or says. */
static inline void nft(const struct hands *h, const char *command)
{
	struct err e = {0};

	if (nftables_run(h->nftables, command, &e) < 0)
		fail_msg("%s: %s", command, e.msg);
}
