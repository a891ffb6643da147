/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fib.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "node/netlink.h"

struct question {
	bool answered;
	struct fib_answer answer;
};

static struct rtnl_route *route_put(struct rtnl_route *r)
{
	rtnl_route_put(r);
	return NULL;
}
DEFINE_CLEANUP(struct rtnl_route *, route_put);

static struct ipaddr address_of(const struct nl_addr *nl, int family)
{
	struct ipaddr a = {.family = family};

	if (nl && nl_addr_get_len(nl) == ipaddr_bits(&a) / 8)
		return ipaddr_from_bytes(family, nl_addr_get_binary_addr(nl));
	return a;
}

static struct fib_answer answer_of(struct rtnl_route *route)
{
	int family = rtnl_route_get_family(route);
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	struct nl_addr *dst = rtnl_route_get_dst(route);
	struct fib_answer a = {
		.dst = {address_of(dst, family), nl_addr_get_prefixlen(dst)},
		.type = rtnl_route_get_type(route),
		.protocol = rtnl_route_get_protocol(route),
		.table = rtnl_route_get_table(route),
		.metric = rtnl_route_get_priority(route),
	};

	if (hop && rtnl_route_nh_get_gateway(hop))
		a.gateway = address_of(rtnl_route_nh_get_gateway(hop), family);
	return a;
}

static void on_route(void *ud, struct nlmsghdr *h)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	struct question *q = ud;

	if (rtnl_route_parse(h, &route) < 0)
		return;
	q->answered = true;
	q->answer = answer_of(route);
}

static struct nl_msg *build(const struct ipaddr *addr)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	struct rtmsg rtm = {
		.rtm_family = (unsigned char)addr->family,
		.rtm_dst_len = (unsigned char)ipaddr_bits(addr),
		.rtm_flags = RTM_F_FIB_MATCH,
	};

	if (!msg || nlmsg_append(msg, &rtm, sizeof rtm, NLMSG_ALIGNTO) < 0 ||
		nla_put(msg, RTA_DST, (int)ipaddr_bits(addr) / 8, addr->bytes) < 0)
		mem_exhausted();
	return msg;
}

bool fib_is_drop(int error)
{
	return error == EINVAL || error == EHOSTUNREACH || error == EACCES || error == ENETUNREACH;
}

int fib_ask(struct fib_answer *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	struct question q = {0};
	struct err why = {0};
	int r = netlink_ask(s, build(addr), on_route, &q, &why);

	if (r == 0 && !q.answered)
		r = err_set(&why, EPROTO, "the answer has something that is not known here");
	if (r == 0)
		*ret = q.answer;
	else if (fib_is_drop(-r))
		*ret = (struct fib_answer){.error = -r};
	else {
		*e = why;
		return err_wrap(e, "asking where the node sends packets");
	}
	return 0;
}

static const char *drop_text(int error)
{
	switch (error) {
	case EINVAL:
		return "a blackhole route or rule";
	case EHOSTUNREACH:
		return "an unreachable route or rule";
	case EACCES:
		return "a prohibit route or rule";
	default:
		return "no route at all";
	}
}

const char *fib_format(char ret_buf[static FIB_TEXT], const struct fib_answer *a)
{
	char net[IPNET_TEXT], gateway[IPADDR_TEXT] = "";

	if (a->error) {
		snprintf(ret_buf, FIB_TEXT, "%s", drop_text(a->error));
		return ret_buf;
	}
	if (a->gateway.family)
		ipaddr_format(gateway, &a->gateway);
	snprintf(ret_buf, FIB_TEXT, "%s%s%s%s proto %u metric %u table %u",
		a->type == RTN_LOCAL ? "local " : "", ipnet_format(net, &a->dst),
		*gateway ? " via " : "", gateway, a->protocol, a->metric, a->table);
	return ret_buf;
}
