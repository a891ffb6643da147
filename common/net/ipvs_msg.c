/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ipvs_msg.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* union nf_inet_addr: every address takes 16 bytes on the wire. */
enum { ADDR_SIZE = 16 };

static const struct nla_policy cmd_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_CMD_ATTR_SERVICE] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_DEST] = {.type = NLA_NESTED},
};

static const struct nla_policy timeouts_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_CMD_ATTR_TIMEOUT_TCP] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_UDP] = {.type = NLA_U32},
};

static const struct nla_policy service_policy[IPVS_SVC_ATTR_MAX + 1] = {
	[IPVS_SVC_ATTR_AF] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_PROTOCOL] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_ADDR] = {.minlen = ADDR_SIZE},
	[IPVS_SVC_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_FWMARK] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_SCHED_NAME] = {.type = NLA_STRING},
	[IPVS_SVC_ATTR_FLAGS] = {.minlen = sizeof(struct ip_vs_flags)},
	[IPVS_SVC_ATTR_TIMEOUT] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_NETMASK] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_STATS] = {.type = NLA_NESTED},
	[IPVS_SVC_ATTR_STATS64] = {.type = NLA_NESTED},
};

static const struct nla_policy dest_policy[IPVS_DEST_ATTR_MAX + 1] = {
	[IPVS_DEST_ATTR_ADDR] = {.minlen = ADDR_SIZE},
	[IPVS_DEST_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_FWD_METHOD] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_WEIGHT] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_ACTIVE_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_INACT_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_STATS] = {.type = NLA_NESTED},
	[IPVS_DEST_ATTR_ADDR_FAMILY] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_STATS64] = {.type = NLA_NESTED},
	[IPVS_DEST_ATTR_TUN_TYPE] = {.type = NLA_U8},
	[IPVS_DEST_ATTR_TUN_PORT] = {.type = NLA_U16},
};

static const struct nla_policy stats_policy[IPVS_STATS_ATTR_MAX + 1] = {
	[IPVS_STATS_ATTR_CONNS] = {.type = NLA_U32},
	[IPVS_STATS_ATTR_INPKTS] = {.type = NLA_U32},
	[IPVS_STATS_ATTR_OUTPKTS] = {.type = NLA_U32},
	[IPVS_STATS_ATTR_INBYTES] = {.type = NLA_U64},
	[IPVS_STATS_ATTR_OUTBYTES] = {.type = NLA_U64},
};

static const struct nla_policy stats64_policy[IPVS_STATS_ATTR_MAX + 1] = {
	[IPVS_STATS_ATTR_CONNS] = {.type = NLA_U64},
	[IPVS_STATS_ATTR_INPKTS] = {.type = NLA_U64},
	[IPVS_STATS_ATTR_OUTPKTS] = {.type = NLA_U64},
	[IPVS_STATS_ATTR_INBYTES] = {.type = NLA_U64},
	[IPVS_STATS_ATTR_OUTBYTES] = {.type = NLA_U64},
};

struct stats {
	uint64_t conns, in_packets, out_packets, in_bytes, out_bytes;
};

static uint64_t get_unsigned(struct nlattr *a)
{
	if (!a)
		return 0;
	return nla_len(a) == sizeof(uint32_t) ? nla_get_u32(a) : nla_get_u64(a);
}

static uint32_t get_u32(struct nlattr *a)
{
	return a ? nla_get_u32(a) : 0;
}

/* Kernels before 4.1 have the 32-bit counters alone. */
static int read_stats(struct stats *ret, struct nlattr *stats64, struct nlattr *stats)
{
	struct nlattr *a[IPVS_STATS_ATTR_MAX + 1];

	if (!stats64 && !stats)
		return 0;
	if (nla_parse_nested(a, IPVS_STATS_ATTR_MAX, stats64 ? stats64 : stats,
		    stats64 ? stats64_policy : stats_policy) < 0)
		return -EBADMSG;
	ret->conns = get_unsigned(a[IPVS_STATS_ATTR_CONNS]);
	ret->in_packets = get_unsigned(a[IPVS_STATS_ATTR_INPKTS]);
	ret->out_packets = get_unsigned(a[IPVS_STATS_ATTR_OUTPKTS]);
	ret->in_bytes = get_unsigned(a[IPVS_STATS_ATTR_INBYTES]);
	ret->out_bytes = get_unsigned(a[IPVS_STATS_ATTR_OUTBYTES]);
	return 0;
}

static bool known_family(int family)
{
	return family == AF_INET || family == AF_INET6;
}

static struct nlattr *nested_of(struct nlmsghdr *h, int type)
{
	struct nlattr *a[IPVS_CMD_ATTR_MAX + 1];

	return genlmsg_parse(h, 0, a, IPVS_CMD_ATTR_MAX, cmd_policy) < 0 ? NULL : a[type];
}

static int read_service(struct ipvs_service *s, struct nlattr *const *a)
{
	struct stats stats = {0};
	struct ip_vs_flags flags;
	int family;

	if (!a[IPVS_SVC_ATTR_AF] || !a[IPVS_SVC_ATTR_PROTOCOL] || !a[IPVS_SVC_ATTR_ADDR] ||
		!a[IPVS_SVC_ATTR_PORT] || !a[IPVS_SVC_ATTR_SCHED_NAME] || !a[IPVS_SVC_ATTR_FLAGS])
		return -EBADMSG;
	family = nla_get_u16(a[IPVS_SVC_ATTR_AF]);
	if (!known_family(family))
		return -EBADMSG;
	memcpy(&flags, nla_data(a[IPVS_SVC_ATTR_FLAGS]), sizeof flags);
	s->addr = ipaddr_from_bytes(family, nla_data(a[IPVS_SVC_ATTR_ADDR]));
	s->port = ntohs(nla_get_u16(a[IPVS_SVC_ATTR_PORT]));
	s->protocol = nla_get_u16(a[IPVS_SVC_ATTR_PROTOCOL]);
	nla_strlcpy(s->scheduler, a[IPVS_SVC_ATTR_SCHED_NAME], sizeof s->scheduler);
	s->flags = flags.flags & ~(uint32_t)IP_VS_SVC_F_HASHED;
	s->timeout = get_u32(a[IPVS_SVC_ATTR_TIMEOUT]);
	s->netmask = get_u32(a[IPVS_SVC_ATTR_NETMASK]);
	if (read_stats(&stats, a[IPVS_SVC_ATTR_STATS64], a[IPVS_SVC_ATTR_STATS]) < 0)
		return -EBADMSG;
	s->conns = stats.conns;
	s->in_packets = stats.in_packets;
	s->in_bytes = stats.in_bytes;
	s->out_packets = stats.out_packets;
	s->out_bytes = stats.out_bytes;
	return 0;
}

int ipvs_msg_service(struct ipvs_service *ret, struct nlmsghdr *h)
{
	struct nlattr *nested = nested_of(h, IPVS_CMD_ATTR_SERVICE);
	struct nlattr *a[IPVS_SVC_ATTR_MAX + 1];
	struct ipvs_service s = {0};
	int r;

	if (!nested || nla_parse_nested(a, IPVS_SVC_ATTR_MAX, nested, service_policy) < 0)
		return -EBADMSG;
	if (a[IPVS_SVC_ATTR_FWMARK])
		return -ENOENT;
	r = read_service(&s, a);
	if (r == 0)
		*ret = s;
	return r;
}

/* Kernels before 5.2 know no other tunnel than IPIP, and say nothing of it; of others it is noise.
 */
static void read_tunnel(struct ipvs_dest *d, struct nlattr *const *a)
{
	if (d->forward != IP_VS_CONN_F_TUNNEL || !a[IPVS_DEST_ATTR_TUN_TYPE])
		return;
	d->tunnel = nla_get_u8(a[IPVS_DEST_ATTR_TUN_TYPE]);
	if (a[IPVS_DEST_ATTR_TUN_PORT])
		d->tunnel_port = ntohs(nla_get_u16(a[IPVS_DEST_ATTR_TUN_PORT]));
}

static int read_dest(struct ipvs_dest *d, struct nlattr *const *a, int family)
{
	struct stats stats = {0};

	if (!a[IPVS_DEST_ATTR_ADDR] || !a[IPVS_DEST_ATTR_PORT] || !a[IPVS_DEST_ATTR_FWD_METHOD] ||
		!a[IPVS_DEST_ATTR_WEIGHT])
		return -EBADMSG;
	if (a[IPVS_DEST_ATTR_ADDR_FAMILY])
		family = nla_get_u16(a[IPVS_DEST_ATTR_ADDR_FAMILY]);
	if (!known_family(family))
		return -EBADMSG;
	d->addr = ipaddr_from_bytes(family, nla_data(a[IPVS_DEST_ATTR_ADDR]));
	d->port = ntohs(nla_get_u16(a[IPVS_DEST_ATTR_PORT]));
	d->weight = nla_get_u32(a[IPVS_DEST_ATTR_WEIGHT]);
	d->forward = nla_get_u32(a[IPVS_DEST_ATTR_FWD_METHOD]);
	read_tunnel(d, a);
	d->active_conns = get_u32(a[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	d->inactive_conns = get_u32(a[IPVS_DEST_ATTR_INACT_CONNS]);
	if (read_stats(&stats, a[IPVS_DEST_ATTR_STATS64], a[IPVS_DEST_ATTR_STATS]) < 0)
		return -EBADMSG;
	d->conns = stats.conns;
	d->in_packets = stats.in_packets;
	d->in_bytes = stats.in_bytes;
	d->out_packets = stats.out_packets;
	d->out_bytes = stats.out_bytes;
	return 0;
}

int ipvs_msg_dest(struct ipvs_dest *ret, struct nlmsghdr *h, int family)
{
	struct nlattr *nested = nested_of(h, IPVS_CMD_ATTR_DEST);
	struct nlattr *a[IPVS_DEST_ATTR_MAX + 1];
	struct ipvs_dest d = {0};
	int r;

	if (!nested || nla_parse_nested(a, IPVS_DEST_ATTR_MAX, nested, dest_policy) < 0)
		return -EBADMSG;
	r = read_dest(&d, a, family);
	if (r == 0)
		*ret = d;
	return r;
}

/* What a message can hold is bounded: two addresses and a few numbers. */
enum { REQUEST_SIZE = 256 };

static void must_fit(int r)
{
	if (r < 0)
		mem_exhausted();
}

/* The kernel wants all of it where a service is made or changed. */
static void put_description(struct nl_msg *m, const struct ipvs_service *s)
{
	const struct ip_vs_flags flags = {s->flags, ~0u};

	must_fit(nla_put_string(m, IPVS_SVC_ATTR_SCHED_NAME, s->scheduler));
	must_fit(nla_put(m, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags));
	must_fit(nla_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, s->timeout));
	must_fit(nla_put_u32(m, IPVS_SVC_ATTR_NETMASK, s->netmask));
}

static void put_service(struct nl_msg *m, const struct ipvs_service *s)
{
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);

	must_fit(nested ? 0 : -ENOMEM);
	must_fit(nla_put_u16(m, IPVS_SVC_ATTR_AF, (uint16_t)s->addr.family));
	must_fit(nla_put_u16(m, IPVS_SVC_ATTR_PROTOCOL, s->protocol));
	must_fit(nla_put(m, IPVS_SVC_ATTR_ADDR, ADDR_SIZE, s->addr.bytes));
	must_fit(nla_put_u16(m, IPVS_SVC_ATTR_PORT, htons(s->port)));
	if (s->scheduler[0])
		put_description(m, s);
	must_fit(nla_nest_end(m, nested));
}

static void put_dest(struct nl_msg *m, const struct ipvs_dest *d)
{
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_DEST);

	must_fit(nested ? 0 : -ENOMEM);
	must_fit(nla_put_u16(m, IPVS_DEST_ATTR_ADDR_FAMILY, (uint16_t)d->addr.family));
	must_fit(nla_put(m, IPVS_DEST_ATTR_ADDR, ADDR_SIZE, d->addr.bytes));
	must_fit(nla_put_u16(m, IPVS_DEST_ATTR_PORT, htons(d->port)));
	/* Only changing a real server wants these, and then all of them. */
	must_fit(nla_put_u32(m, IPVS_DEST_ATTR_FWD_METHOD, d->forward));
	must_fit(nla_put_u32(m, IPVS_DEST_ATTR_WEIGHT, d->weight));
	must_fit(nla_put_u32(m, IPVS_DEST_ATTR_U_THRESH, 0));
	must_fit(nla_put_u32(m, IPVS_DEST_ATTR_L_THRESH, 0));
	if (d->forward == IP_VS_CONN_F_TUNNEL) {
		must_fit(nla_put_u8(m, IPVS_DEST_ATTR_TUN_TYPE, d->tunnel));
		must_fit(nla_put_u16(m, IPVS_DEST_ATTR_TUN_PORT, htons(d->tunnel_port)));
	}
	must_fit(nla_nest_end(m, nested));
}

static struct nl_msg *request(int family, uint8_t cmd, int flags)
{
	struct nl_msg *m = nlmsg_alloc_size(REQUEST_SIZE);

	if (!m || !genlmsg_put(
			  m, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd, IPVS_GENL_VERSION))
		mem_exhausted();
	return m;
}

struct nl_msg *ipvs_msg_mark(int genl_family, uint8_t cmd, int family, uint32_t mark,
	const char *scheduler, const struct ipvs_dest *dest)
{
	struct ipvs_service s = {.netmask = ipvs_netmask_all(family)};
	struct nl_msg *m =
		request(genl_family, cmd, cmd == IPVS_CMD_GET_DEST ? NLM_F_DUMP : NLM_F_ACK);
	struct nlattr *nested = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);

	must_fit(nested ? 0 : -ENOMEM);
	must_fit(nla_put_u16(m, IPVS_SVC_ATTR_AF, (uint16_t)family));
	must_fit(nla_put_u32(m, IPVS_SVC_ATTR_FWMARK, mark));
	if (scheduler) {
		snprintf(s.scheduler, sizeof s.scheduler, "%s", scheduler);
		put_description(m, &s);
	}
	must_fit(nla_nest_end(m, nested));
	if (dest)
		put_dest(m, dest);
	return m;
}

struct nl_msg *ipvs_msg_new(
	int family, uint8_t cmd, int flags, const struct ipvs_service *s, const struct ipvs_dest *d)
{
	struct nl_msg *m = request(family, cmd, flags);

	if (s)
		put_service(m, s);
	if (d)
		put_dest(m, d);
	return m;
}

struct nl_msg *ipvs_msg_set_timeouts(int family, const struct ipvs_timeouts *t)
{
	struct nl_msg *m = request(family, IPVS_CMD_SET_CONFIG, NLM_F_ACK);

	must_fit(nla_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP, t->tcp));
	must_fit(nla_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, t->tcp_fin));
	must_fit(nla_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_UDP, t->udp));
	return m;
}

/* A kernel without IPVS for TCP or UDP does not say those. */
int ipvs_msg_timeouts(struct ipvs_timeouts *ret, struct nlmsghdr *h)
{
	struct nlattr *a[IPVS_CMD_ATTR_MAX + 1];

	if (genlmsg_parse(h, 0, a, IPVS_CMD_ATTR_MAX, timeouts_policy) < 0)
		return -EBADMSG;
	*ret = (struct ipvs_timeouts){get_u32(a[IPVS_CMD_ATTR_TIMEOUT_TCP]),
		get_u32(a[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]), get_u32(a[IPVS_CMD_ATTR_TIMEOUT_UDP])};
	return 0;
}
