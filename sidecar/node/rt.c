/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rt.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

#include "node/fib.h"
#include "node/netlink.h"

enum { LOOPBACK_IFINDEX = 1, DUMP_TRIES = 5 };

static struct nl_addr *addr_put(struct nl_addr *a)
{
	nl_addr_put(a);
	return NULL;
}
DEFINE_CLEANUP(struct nl_addr *, addr_put);

static struct rtnl_route *route_put(struct rtnl_route *r)
{
	rtnl_route_put(r);
	return NULL;
}
DEFINE_CLEANUP(struct rtnl_route *, route_put);

void rt_list_done(struct rt_list *l)
{
	free(l->items);
	*l = (struct rt_list){0};
}

static int failed(struct err *e, const char *what)
{
	if (e->code == EPERM)
		return err_wrap(e, "%s (the container needs CAP_NET_ADMIN)", what);
	return err_wrap(e, "%s", what);
}

static struct nl_addr *to_nl(const struct ipaddr *a, unsigned prefix_len)
{
	struct nl_addr *nl = nl_addr_build(a->family, a->bytes, ipaddr_bits(a) / 8);

	if (!nl)
		mem_exhausted();
	nl_addr_set_prefixlen(nl, (int)prefix_len);
	return nl;
}

static struct ipaddr from_nl(const struct nl_addr *nl, int family)
{
	struct ipaddr a = {.family = family};

	/* "default" comes with an address of no length. */
	if (nl && nl_addr_get_len(nl) == ipaddr_bits(&a) / 8)
		return ipaddr_from_bytes(family, nl_addr_get_binary_addr(nl));
	return a;
}

struct dump {
	struct rt_list *list;
	enum rt_kind kind;
};

static uint32_t table_of(enum rt_kind kind)
{
	return kind == RT_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
}

static void append(struct rt_list *l, struct rtnl_route *route)
{
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	struct nl_addr *dst = rtnl_route_get_dst(route);
	int family = rtnl_route_get_family(route);
	struct rt r = {.metric = rtnl_route_get_priority(route)};

	r.dst.addr = from_nl(dst, family);
	r.dst.len = nl_addr_get_prefixlen(dst);
	if (hop) {
		r.ifindex = rtnl_route_nh_get_ifindex(hop);
		if (rtnl_route_nh_get_gateway(hop))
			r.gateway = from_nl(rtnl_route_nh_get_gateway(hop), family);
	}
	l->items = xreallocarray(l->items, l->n_items + 1, sizeof *l->items);
	l->items[l->n_items++] = r;
}

/* The kernel filters too, where it can: a node's tables may be large. */
static void on_route(void *ud, struct nlmsghdr *h)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	const struct dump *d = ud;

	if (rtnl_route_parse(h, &route) == 0 && rtnl_route_get_protocol(route) == RT_PROTOCOL &&
		rtnl_route_get_table(route) == table_of(d->kind))
		append(d->list, route);
}

static void be_strict(struct nl_sock *s, int strict)
{
	setsockopt(
		nl_socket_get_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
}

static struct nl_msg *question(int flags, const struct rtmsg *head)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, flags);

	if (!m || nlmsg_append(m, (void *)(uintptr_t)head, sizeof *head, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	return m;
}

static int dump_once(struct nl_sock *s, struct dump *d, int family, struct err *e)
{
	const struct rtmsg head = {
		.rtm_family = (unsigned char)family,
		.rtm_table = (unsigned char)table_of(d->kind),
		.rtm_protocol = RT_PROTOCOL,
	};
	int r;

	be_strict(s, 1);
	r = netlink_ask(s, question(NLM_F_DUMP, &head), on_route, d, e);
	be_strict(s, 0);
	return r;
}

int rt_dump(struct rt_list *l, struct nl_sock *s, enum rt_kind kind, int family, struct err *e)
{
	struct dump d = {l, kind};
	size_t before = l->n_items;
	struct err why = {0};
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		l->n_items = before;
		why = (struct err){0};
		r = dump_once(s, &d, family, &why);
	}
	/* A table that nothing was ever put into does not exist. */
	if (r == 0 || r == -ENOENT || r == -ESRCH || r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		return 0;
	*e = why;
	return failed(e, "reading routes");
}

static struct rtnl_route *build(enum rt_kind kind, const struct rt *r)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	CLEANUP(addr_putp) struct nl_addr *dst = to_nl(&r->dst.addr, r->dst.len);

	if (!route || !hop)
		mem_exhausted();
	rtnl_route_set_family(route, (uint8_t)r->dst.addr.family);
	rtnl_route_set_dst(route, dst);
	rtnl_route_set_table(route, table_of(kind));
	rtnl_route_set_protocol(route, RT_PROTOCOL);
	rtnl_route_set_type(route, kind == RT_LOCAL ? RTN_LOCAL : RTN_UNICAST);
	rtnl_route_set_scope(route, kind == RT_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
	if (r->metric)
		rtnl_route_set_priority(route, r->metric);
	rtnl_route_nh_set_ifindex(hop, kind == RT_LOCAL ? LOOPBACK_IFINDEX : r->ifindex);
	if (kind == RT_VIA) {
		CLEANUP(addr_putp)
		struct nl_addr *gateway = to_nl(&r->gateway, ipaddr_bits(&r->gateway));

		rtnl_route_nh_set_gateway(hop, gateway);
		rtnl_route_set_flags(route, RTNH_F_ONLINK);
	}
	rtnl_route_add_nexthop(route, hop);
	return route;
}

/* `n` is what libnl made of it. */
static struct nl_msg *built(int n, struct nl_msg *m)
{
	if (n < 0)
		mem_exhausted();
	return m;
}

int rt_add(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = build(kind, r);
	struct nl_msg *m = NULL;
	int n = rtnl_route_build_add_request(route, NLM_F_CREATE | NLM_F_EXCL, &m);

	return netlink_ask(s, built(n, m), NULL, NULL, e) < 0 ? failed(e, "adding a route") : 0;
}

int rt_delete(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = build(kind, r);
	struct nl_msg *m = NULL;
	struct err why = {0};
	int n = rtnl_route_build_del_request(route, 0, &m);

	n = netlink_ask(s, built(n, m), NULL, NULL, &why);
	if (n == 0 || n == -ESRCH || n == -ENOENT)
		return 0;
	*e = why;
	return failed(e, "removing a route");
}

static void on_way(void *ud, struct nlmsghdr *h)
{
	struct rtnl_route **route = ud;

	if (!*route)
		rtnl_route_parse(h, route);
}

/* That there is none is an answer, other failures are none. */
static int look_up(
	struct rtnl_route **ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	const struct rtmsg head = {
		.rtm_family = (unsigned char)addr->family,
		.rtm_dst_len = (unsigned char)ipaddr_bits(addr),
	};
	struct nl_msg *m = question(0, &head);
	char text[IPADDR_TEXT];
	struct err why = {0};
	int r;

	if (nla_put(m, RTA_DST, (int)ipaddr_bits(addr) / 8, addr->bytes) < 0)
		mem_exhausted();
	r = netlink_ask(s, m, on_way, ret, &why);
	ipaddr_format(text, addr);
	if (r < 0 && fib_is_drop(-r))
		return err_set(e, EHOSTUNREACH, "no route to %s: %s", text, strerror(-r));
	if (r < 0) {
		*e = why;
		return err_wrap(e, "asking for the route to %s", text);
	}
	return *ret ? 0
		    : err_set(e, EPROTO, "the route to %s has something that is not known here",
			      text);
}

int rt_interface_to(int *ret_ifindex, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	struct rtnl_nexthop *hop;
	char text[IPADDR_TEXT];
	int r = look_up(&route, s, addr, e);

	if (r < 0)
		return r;
	hop = rtnl_route_nexthop_n(route, 0);
	if (!hop || rtnl_route_nh_get_gateway(hop))
		return err_set(e, EHOSTUNREACH, "%s is reached through a gateway, not directly",
			ipaddr_format(text, addr));
	*ret_ifindex = rtnl_route_nh_get_ifindex(hop);
	return 0;
}

int rt_source_to(struct ipaddr *ret, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	struct ipaddr source;
	int r = look_up(&route, s, addr, e);

	if (r < 0)
		return r;
	source = from_nl(rtnl_route_get_pref_src(route), addr->family);
	if (!ipaddr_is_unicast(&source))
		return err_set(e, ENOENT, "the route has no usable source");
	*ret = source;
	return 0;
}
