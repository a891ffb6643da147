/* SPDX-License-Identifier: Apache-2.0 */
#include "node/tracked.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>

#include "base/mem.h"
#include "node/netlink.h"

/* What counts of a tuple that is asked for: bits that the kernel's headers do not give to us. */
enum { BY_SOURCE = 1 << 0, BY_DESTINATION = 1 << 1, BY_PROTOCOL = 1 << 3, BY_PORT = 1 << 5 };

struct tuple {
	struct ipaddr src, dst;
	uint16_t port; /* of the destination */
};

struct search {
	const struct tracked_ask *ask;
	struct ipaddr *found;
	bool is_flooded; /* with what nobody asked for */
};

static void put(struct nl_msg *m, int type, const void *data, size_t len)
{
	if (nla_put(m, type, (int)len, data) < 0)
		mem_exhausted();
}

static struct nlattr *nest(struct nl_msg *m, int type)
{
	struct nlattr *a = nla_nest_start(m, type | NLA_F_NESTED);

	if (!a)
		mem_exhausted();
	return a;
}

static void put_tuple(struct nl_msg *m, const struct tracked_ask *ask)
{
	const uint8_t protocol = IPPROTO_TCP;
	const uint16_t port = htons(ask->port);
	const size_t len = ipaddr_bits(&ask->from) / 8;
	bool is_four = ask->from.family == AF_INET;
	struct nlattr *tuple = nest(m, CTA_TUPLE_ORIG), *part = nest(m, CTA_TUPLE_IP);

	put(m, is_four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, ask->from.bytes, len);
	put(m, is_four ? CTA_IP_V4_DST : CTA_IP_V6_DST, ask->to.bytes, len);
	nla_nest_end(m, part);
	part = nest(m, CTA_TUPLE_PROTO);
	put(m, CTA_PROTO_NUM, &protocol, sizeof protocol);
	put(m, CTA_PROTO_DST_PORT, &port, sizeof port);
	nla_nest_end(m, part);
	nla_nest_end(m, tuple);
}

static struct nl_msg *question(const struct tracked_ask *ask)
{
	const uint32_t flags = BY_SOURCE | BY_DESTINATION | BY_PROTOCOL | BY_PORT, none = 0;
	const struct nfgenmsg head = {.nfgen_family = (uint8_t)ask->from.family};
	struct nl_msg *m =
		nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP);
	struct nlattr *filter;

	if (!m || nlmsg_append(m, (void *)(uintptr_t)&head, sizeof head, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	put_tuple(m, ask);
	filter = nest(m, CTA_FILTER);
	put(m, CTA_FILTER_ORIG_FLAGS, &flags, sizeof flags);
	put(m, CTA_FILTER_REPLY_FLAGS, &none, sizeof none);
	nla_nest_end(m, filter);
	return m;
}

static struct ipaddr read_addr(const struct nlattr *v4, const struct nlattr *v6)
{
	if (v4 && nla_len(v4) == 4)
		return ipaddr_from_bytes(AF_INET, nla_data(v4));
	if (v6 && nla_len(v6) == 16)
		return ipaddr_from_bytes(AF_INET6, nla_data(v6));
	return (struct ipaddr){0};
}

static void read_tuple(struct tuple *ret, struct nlattr *attr)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1] = {0}, *ip[CTA_IP_MAX + 1] = {0};
	struct nlattr *proto[CTA_PROTO_MAX + 1] = {0};

	if (!attr || nla_parse_nested(parts, CTA_TUPLE_MAX, attr, NULL) < 0)
		return;
	if (parts[CTA_TUPLE_IP] &&
		nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) == 0) {
		ret->src = read_addr(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
		ret->dst = read_addr(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
	}
	if (parts[CTA_TUPLE_PROTO] &&
		nla_parse_nested(proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], NULL) == 0 &&
		proto[CTA_PROTO_DST_PORT] && nla_len(proto[CTA_PROTO_DST_PORT]) == 2)
		ret->port = ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT]));
}

static bool is_established(struct nlattr *info)
{
	struct nlattr *parts[CTA_PROTOINFO_MAX + 1] = {0}, *tcp[CTA_PROTOINFO_TCP_MAX + 1] = {0};

	return info && nla_parse_nested(parts, CTA_PROTOINFO_MAX, info, NULL) == 0 &&
	       parts[CTA_PROTOINFO_TCP] &&
	       nla_parse_nested(tcp, CTA_PROTOINFO_TCP_MAX, parts[CTA_PROTOINFO_TCP], NULL) == 0 &&
	       tcp[CTA_PROTOINFO_TCP_STATE] && nla_len(tcp[CTA_PROTOINFO_TCP_STATE]) == 1 &&
	       nla_get_u8(tcp[CTA_PROTOINFO_TCP_STATE]) == TCP_CONNTRACK_ESTABLISHED;
}

/* What comes back goes to the address that the other end sees. */
static void on_connection(void *ud, struct nlmsghdr *h)
{
	struct nlattr *parts[CTA_MAX + 1] = {0};
	struct tuple there = {0}, back = {0};
	struct search *s = ud;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), parts, CTA_MAX, NULL) < 0)
		return;
	read_tuple(&there, parts[CTA_TUPLE_ORIG]);
	read_tuple(&back, parts[CTA_TUPLE_REPLY]);
	if (!ipaddr_equal(&there.src, &s->ask->from) || !ipaddr_equal(&there.dst, &s->ask->to) ||
		there.port != s->ask->port)
		s->is_flooded = true;
	else if (back.dst.family && (!s->ask->is_up || is_established(parts[CTA_PROTOINFO])) &&
		 (!s->found->family || !ipaddr_equal(&back.dst, &s->ask->from)))
		*s->found = back.dst;
}

int tracked_source(
	struct ipaddr *ret, struct nl_sock *s, const struct tracked_ask *ask, struct err *e)
{
	struct ipaddr found = {0};
	struct search search = {ask, &found, false};
	int r = netlink_ask(s, question(ask), on_connection, &search, e);

	if (r == 0 && search.is_flooded)
		r = err_set(
			e, EOPNOTSUPP, "the kernel gives all connections for those of one peer");
	if (r < 0)
		return err_wrap(e, "asking for connections that the node knows");
	*ret = found;
	return 0;
}
