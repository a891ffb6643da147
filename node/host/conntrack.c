/* SPDX-License-Identifier: Apache-2.0 */
#include "host/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "base/sorted.h"

enum {
	GET = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	DELETE = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
};

/* One of a connection's two tuples. */
struct tuple {
	struct ipaddr src, dst;
	uint16_t protocol, src_port, dst_port, zone;
	bool has_zone;
};

static struct ipaddr addr_of(const struct nlattr *v4, const struct nlattr *v6)
{
	struct ipaddr none = {0};

	if (v4 && nla_len(v4) == 4)
		return ipaddr_from_bytes(AF_INET, nla_data(v4));
	return v6 && nla_len(v6) == 16 ? ipaddr_from_bytes(AF_INET6, nla_data(v6)) : none;
}

static uint16_t number_in(const struct nlattr *a)
{
	return a && nla_len(a) == 2 ? ntohs(nla_get_u16(a)) : 0;
}

static void read_tuple(struct tuple *ret, struct nlattr *nest)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1] = {0}, *ip[CTA_IP_MAX + 1] = {0};
	struct nlattr *proto[CTA_PROTO_MAX + 1] = {0};

	*ret = (struct tuple){0};
	if (!nest || nla_parse_nested(parts, CTA_TUPLE_MAX, nest, NULL) < 0)
		return;
	ret->has_zone = parts[CTA_TUPLE_ZONE] != NULL;
	ret->zone = number_in(parts[CTA_TUPLE_ZONE]);
	if (parts[CTA_TUPLE_IP] &&
		nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) == 0) {
		ret->src = addr_of(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
		ret->dst = addr_of(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
	}
	if (parts[CTA_TUPLE_PROTO] &&
		nla_parse_nested(proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], NULL) == 0) {
		ret->protocol = proto[CTA_PROTO_NUM] ? nla_get_u8(proto[CTA_PROTO_NUM]) : 0;
		ret->src_port = number_in(proto[CTA_PROTO_SRC_PORT]);
		ret->dst_port = number_in(proto[CTA_PROTO_DST_PORT]);
	}
}

static int cmp_entry(const void *key, const void *item)
{
	const struct plan_entry *a = key, *b = item;
	int order = plan_entry_cmp(a, b);

	return order ? order : (int)a->target - (int)b->target;
}

struct nl_msg *conntrack_question(int family)
{
	const struct nfgenmsg header = {.nfgen_family = (uint8_t)family};

	return netlink_msg(GET, NLM_F_DUMP, &header, sizeof header);
}

bool conntrack_read(struct connection *ret, const struct plan *plan, const struct nlmsghdr *h)
{
	struct nlattr *parts[CTA_MAX + 1] = {0};
	struct tuple there, back;
	struct plan_entry entry;
	size_t i;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), parts, CTA_MAX,
		    NULL) < 0)
		return false;
	read_tuple(&there, parts[CTA_TUPLE_ORIG]);
	read_tuple(&back, parts[CTA_TUPLE_REPLY]);
	/* From the client to the VIP, and back from the pod. */
	entry = (struct plan_entry){
		back.src, {there.dst, there.protocol, there.dst_port}, back.src_port};
	i = sorted_place(&entry, plan->entries, plan->n_entries, sizeof entry, cmp_entry);
	if (i == plan->n_entries || cmp_entry(&entry, &plan->entries[i]) != 0)
		return false;
	*ret = (struct connection){
		.client = there.src,
		.entry = (uint32_t)i,
		.id = parts[CTA_ID] ? nla_get_u32(parts[CTA_ID]) : 0,
		.port = there.src_port,
		.zone = there.has_zone ? there.zone : number_in(parts[CTA_ZONE]),
		.zone_of_tuple = there.has_zone,
	};
	return true;
}

static void put_number(struct nl_msg *m, int type, uint16_t value)
{
	value = htons(value);
	netlink_put(m, type, &value, sizeof value);
}

static void put_tuple(struct nl_msg *m, const struct place *to, const struct connection *c)
{
	struct nlattr *tuple = netlink_nest(m, CTA_TUPLE_ORIG | NLA_F_NESTED), *part;
	const uint8_t protocol = (uint8_t)to->protocol;
	bool is_four = c->client.family == AF_INET;
	size_t len = ipaddr_bits(&c->client) / 8;

	part = netlink_nest(m, CTA_TUPLE_IP | NLA_F_NESTED);
	netlink_put(m, is_four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, c->client.bytes, len);
	netlink_put(m, is_four ? CTA_IP_V4_DST : CTA_IP_V6_DST, to->vip.bytes, len);
	nla_nest_end(m, part);
	part = netlink_nest(m, CTA_TUPLE_PROTO | NLA_F_NESTED);
	netlink_put(m, CTA_PROTO_NUM, &protocol, sizeof protocol);
	put_number(m, CTA_PROTO_SRC_PORT, c->port);
	put_number(m, CTA_PROTO_DST_PORT, to->port);
	nla_nest_end(m, part);
	if (c->zone_of_tuple)
		put_number(m, CTA_TUPLE_ZONE, c->zone);
	nla_nest_end(m, tuple);
}

int conntrack_delete(
	struct netlink *n, const struct plan *plan, const struct connection *c, struct err *e)
{
	const struct nfgenmsg header = {.nfgen_family = (uint8_t)c->client.family};
	struct nl_msg *m = netlink_msg(DELETE, NLM_F_ACK, &header, sizeof header);
	int r;

	put_tuple(m, &plan->entries[c->entry].place, c);
	if (c->zone && !c->zone_of_tuple)
		put_number(m, CTA_ZONE, c->zone);
	if (c->id)
		netlink_put(m, CTA_ID, &c->id, sizeof c->id);
	r = netlink_ask(n, m, NULL, NULL, e);
	if (r != -ENOENT)
		return r;
	*e = (struct err){0};
	return 0;
}
