/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rt.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

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

static int nl_failed(struct err *e, int r, const char *what)
{
	int code = r == -NLE_EXIST ? EEXIST : r == -NLE_OBJ_NOTFOUND ? ENOENT : EIO;

	return err_set(e, code, "%s: %s%s", what, nl_geterror(r),
		r == -NLE_PERM ? " (the container needs CAP_NET_ADMIN)" : "");
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
static int on_route(struct nl_msg *msg, void *ud)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	const struct dump *d = ud;

	if (rtnl_route_parse(nlmsg_hdr(msg), &route) == 0 &&
		rtnl_route_get_protocol(route) == RT_PROTOCOL &&
		rtnl_route_get_table(route) == table_of(d->kind))
		append(d->list, route);
	return NL_OK;
}

static int dump_once(struct nl_sock *s, const struct dump *d, int family)
{
	struct rtmsg req = {
		.rtm_family = (unsigned char)family,
		.rtm_table = (unsigned char)table_of(d->kind),
		.rtm_protocol = RT_PROTOCOL,
	};
	struct dump copy = *d;
	int r, strict = 1;

	setsockopt(
		nl_socket_get_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_route, &copy);
	r = nl_send_simple(s, RTM_GETROUTE, NLM_F_DUMP, &req, sizeof req);
	if (r >= 0)
		r = nl_recvmsgs_default(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	strict = 0;
	setsockopt(
		nl_socket_get_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
	return r < 0 ? r : 0;
}

int rt_dump(struct rt_list *l, struct nl_sock *s, enum rt_kind kind, int family, struct err *e)
{
	const struct dump d = {l, kind};
	size_t before = l->n_items;
	int r = -NLE_DUMP_INTR;

	for (int i = 0; r == -NLE_DUMP_INTR && i < DUMP_TRIES; i++) {
		l->n_items = before;
		r = dump_once(s, &d, family);
	}
	/* A table that nothing was ever put into does not exist. */
	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_OPNOTSUPP || r == -NLE_AF_NOSUPPORT)
		r = 0;
	return r < 0 ? nl_failed(e, r, "reading routes") : 0;
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

int rt_add(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = build(kind, r);
	int n = rtnl_route_add(s, route, NLM_F_CREATE | NLM_F_EXCL);

	return n < 0 ? nl_failed(e, n, "adding a route") : 0;
}

int rt_delete(struct nl_sock *s, enum rt_kind kind, const struct rt *r, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = build(kind, r);
	int n = rtnl_route_delete(s, route, 0);

	return n < 0 && n != -NLE_OBJ_NOTFOUND ? nl_failed(e, n, "removing a route") : 0;
}

int rt_interface_to(int *ret_ifindex, struct nl_sock *s, const struct ipaddr *addr, struct err *e)
{
	CLEANUP(route_putp) struct rtnl_route *route = NULL;
	CLEANUP(addr_putp) struct nl_addr *dst = to_nl(addr, ipaddr_bits(addr));
	struct rtnl_nexthop *hop;
	char text[IPADDR_TEXT];
	int r = rtnl_route_lookup(s, dst, &route);

	ipaddr_format(text, addr);
	if (r < 0)
		return err_set(e, EHOSTUNREACH, "no route to %s: %s", text, nl_geterror(r));
	hop = rtnl_route_nexthop_n(route, 0);
	if (!hop || rtnl_route_nh_get_gateway(hop))
		return err_set(
			e, EHOSTUNREACH, "%s is reached through a gateway, not directly", text);
	*ret_ifindex = rtnl_route_nh_get_ifindex(hop);
	return 0;
}
