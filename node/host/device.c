/* SPDX-License-Identifier: Apache-2.0 */
#include "host/device.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "table/script.h"

enum { LOOSE = 2 }; /* of rp_filter */

/* What there is of a device. */
struct found {
	int index;
	unsigned flags, mtu;
	char kind[16];
	uint64_t received; /* packets */
	struct ipaddr local;
	bool loose, has_address;
};

static struct ipaddr address_of(int family)
{
	struct ipaddr a = {0};
	struct err unused = {0};

	ipaddr_parse(&a, script_address(family), &unused);
	return a;
}

static struct ipaddr addr_in(const struct nlattr *a)
{
	struct ipaddr none = {0};

	if (a && nla_len(a) == 4)
		return ipaddr_from_bytes(AF_INET, nla_data(a));
	return a && nla_len(a) == 16 ? ipaddr_from_bytes(AF_INET6, nla_data(a)) : none;
}

static void read_kind(struct found *f, struct nlattr *info)
{
	struct nlattr *parts[IFLA_INFO_MAX + 1] = {0}, *data[IFLA_IPTUN_MAX + 1] = {0};

	if (nla_parse_nested(parts, IFLA_INFO_MAX, info, NULL) < 0 || !parts[IFLA_INFO_KIND])
		return;
	nla_strlcpy(f->kind, parts[IFLA_INFO_KIND], sizeof f->kind);
	if (parts[IFLA_INFO_DATA] &&
		nla_parse_nested(data, IFLA_IPTUN_MAX, parts[IFLA_INFO_DATA], NULL) == 0)
		f->local = addr_in(data[IFLA_IPTUN_LOCAL]);
}

/* IFLA_INET_CONF is an array of all settings, from number 1 on. */
static void read_filter(struct found *f, struct nlattr *spec)
{
	struct nlattr *families[AF_INET6 + 1] = {0}, *inet[IFLA_INET_MAX + 1] = {0};
	const struct nlattr *conf;
	uint32_t value;

	if (nla_parse_nested(families, AF_INET6, spec, NULL) < 0 || !families[AF_INET] ||
		nla_parse_nested(inet, IFLA_INET_MAX, families[AF_INET], NULL) < 0)
		return;
	conf = inet[IFLA_INET_CONF];
	if (!conf || (size_t)nla_len(conf) < IPV4_DEVCONF_RP_FILTER * sizeof value)
		return;
	memcpy(&value, (const char *)nla_data(conf) + (IPV4_DEVCONF_RP_FILTER - 1) * sizeof value,
		sizeof value);
	f->loose = value == LOOSE;
}

static uint64_t received_of(const struct nlattr *stats)
{
	struct rtnl_link_stats64 all = {0};

	if (stats && (size_t)nla_len(stats) >= offsetof(struct rtnl_link_stats64, tx_packets))
		memcpy(&all, nla_data(stats), offsetof(struct rtnl_link_stats64, tx_packets));
	return all.rx_packets;
}

static void on_link(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[IFLA_MAX + 1] = {0};
	const struct ifinfomsg *info = nlmsg_data(h);
	struct found *f = ud;

	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_parse((struct nlmsghdr *)(uintptr_t)h,
						    sizeof *info, parts, IFLA_MAX, NULL) < 0)
		return;
	f->index = info->ifi_index;
	f->flags = info->ifi_flags;
	f->mtu = parts[IFLA_MTU] ? nla_get_u32(parts[IFLA_MTU]) : 0;
	f->received = received_of(parts[IFLA_STATS64]);
	if (parts[IFLA_LINKINFO])
		read_kind(f, parts[IFLA_LINKINFO]);
	if (parts[IFLA_AF_SPEC])
		read_filter(f, parts[IFLA_AF_SPEC]);
}

static void on_address(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[IFA_MAX + 1] = {0};
	const struct ifaddrmsg *info = nlmsg_data(h);
	struct found *f = ud;
	struct ipaddr wanted = address_of(info->ifa_family), is;

	if (h->nlmsg_type != RTM_NEWADDR || (int)info->ifa_index != f->index ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof *info, parts, IFA_MAX, NULL) <
			0)
		return;
	is = addr_in(parts[IFA_LOCAL] ? parts[IFA_LOCAL] : parts[IFA_ADDRESS]);
	f->has_address |= ipaddr_equal(&is, &wanted);
}

static int look_at(struct found *f, struct netlink *n, const char *name, int index, struct err *e)
{
	const struct ifinfomsg header = {.ifi_index = index};
	struct nl_msg *m = netlink_msg(RTM_GETLINK, 0, &header, sizeof header);

	if (name)
		netlink_put_text(m, IFLA_IFNAME, name);
	return netlink_ask(n, m, on_link, f, e);
}

/* Index 0: there is none. */
static int look(struct found *f, struct netlink *n, int family, struct err *e)
{
	const struct ifaddrmsg header = {.ifa_family = (uint8_t)family};
	int r;

	*f = (struct found){0};
	r = look_at(f, n, script_device(family), 0, e);
	if (r == -ENODEV) {
		*e = (struct err){0};
		return 0;
	}
	if (r < 0)
		return r;
	return netlink_ask(
		n, netlink_msg(RTM_GETADDR, NLM_F_DUMP, &header, sizeof header), on_address, f, e);
}

static const char *kind_of(int family)
{
	return family == AF_INET ? "ipip" : "ip6tnl";
}

static const char *module_of(int family)
{
	return family == AF_INET ? "ipip" : "ip6_tunnel";
}

static int create(struct netlink *n, int family, struct err *e)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = netlink_msg(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
	const struct ipaddr local = address_of(family);
	struct nlattr *info, *data;
	const uint8_t protocol = IPPROTO_IPV6;

	netlink_put_text(m, IFLA_IFNAME, script_device(family));
	info = netlink_nest(m, IFLA_LINKINFO);
	netlink_put_text(m, IFLA_INFO_KIND, kind_of(family));
	data = netlink_nest(m, IFLA_INFO_DATA);
	netlink_put(m, IFLA_IPTUN_LOCAL, local.bytes, ipaddr_bits(&local) / 8);
	if (family == AF_INET6)
		netlink_put(m, IFLA_IPTUN_PROTO, &protocol, sizeof protocol);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return netlink_ask(n, m, NULL, NULL, e);
}

static int add_address(struct netlink *n, int index, const struct ipaddr *addr, struct err *e)
{
	const struct ifaddrmsg header = {.ifa_family = (uint8_t)addr->family,
		.ifa_prefixlen = (uint8_t)ipaddr_bits(addr),
		.ifa_flags = IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_LINK,
		.ifa_index = (uint32_t)index};
	struct nl_msg *m = netlink_msg(
		RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &header, sizeof header);

	netlink_put(m, IFA_LOCAL, addr->bytes, ipaddr_bits(addr) / 8);
	netlink_put(m, IFA_ADDRESS, addr->bytes, ipaddr_bits(addr) / 8);
	return netlink_ask(n, m, NULL, NULL, e);
}

/* Up, with the loose check. */
static int set_up(struct netlink *n, int family, int index, struct err *e)
{
	const struct ifinfomsg header = {
		.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	const struct netlink_setting loose = {IPV4_DEVCONF_RP_FILTER, LOOSE};
	struct nl_msg *m = netlink_msg(RTM_NEWLINK, NLM_F_ACK, &header, sizeof header);

	if (family == AF_INET)
		netlink_put_settings(m, &loose, 1);
	return netlink_ask(n, m, NULL, NULL, e);
}

static int remove_found(struct netlink *n, const struct found *f, struct err *e)
{
	const struct ifinfomsg header = {.ifi_index = f->index};

	return netlink_ask(
		n, netlink_msg(RTM_DELLINK, NLM_F_ACK, &header, sizeof header), NULL, NULL, e);
}

static bool is_ours(const struct found *f, int family)
{
	const struct ipaddr local = address_of(family);

	return strcmp(f->kind, kind_of(family)) == 0 && ipaddr_equal(&f->local, &local);
}

static bool is_ready(const struct found *f, int family)
{
	return is_ours(f, family) && f->flags & IFF_UP && f->has_address &&
	       (f->loose || family == AF_INET6);
}

/* Of another kind, or with another address: not as any version of ours makes it. */
static int replace(struct found *f, struct netlink *n, int family, struct err *e)
{
	int r = f->index ? remove_found(n, f, e) : 0;

	if (r == 0)
		r = create(n, family, e);
	return r < 0 ? r : look(f, n, family, e);
}

static int ensure(bool *ret_changed, struct netlink *n, int family, struct err *e)
{
	const struct ipaddr addr = address_of(family);
	struct found f;
	int r = look(&f, n, family, e);

	*ret_changed = false;
	if (r < 0 || (f.index && is_ready(&f, family)))
		return r;
	*ret_changed = true;
	if (!f.index || !is_ours(&f, family))
		r = replace(&f, n, family, e);
	if (r == 0 && !f.has_address)
		r = add_address(n, f.index, &addr, e);
	return r < 0 ? r : set_up(n, family, f.index, e);
}

int device_ensure(bool *ret_changed, struct netlink *n, int family, struct err *e)
{
	int r = ensure(ret_changed, n, family, e);

	if (r == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP, "the kernel has no %s: modprobe %s on the node",
			kind_of(family), module_of(family));
	return r < 0 ? err_wrap(e, "making %s", script_device(family)) : 0;
}

int device_add(struct netlink *n, const struct ipaddr *addr, struct err *e)
{
	char text[IPADDR_TEXT];
	struct found f;
	int r = look(&f, n, addr->family, e);

	if (r == 0)
		r = add_address(n, f.index, addr, e);
	return r < 0 ? err_wrap(e, "giving %s to %s", ipaddr_format(text, addr),
			       script_device(addr->family))
		     : 0;
}

int device_is_ready(bool *ret, uint64_t *ret_received, struct netlink *n, int family, struct err *e)
{
	struct found f;
	int r = look(&f, n, family, e);

	if (r < 0)
		return err_wrap(e, "looking at %s", script_device(family));
	*ret = f.index && is_ready(&f, family);
	*ret_received = f.received;
	return 0;
}

int device_remove(struct netlink *n, int family, struct err *e)
{
	struct found f;
	int r = look(&f, n, family, e);

	if (r == 0 && f.index)
		r = remove_found(n, &f, e);
	return r < 0 ? err_wrap(e, "removing %s", script_device(family)) : 0;
}

/* The kernel's answer about an address. */
struct route {
	unsigned type;
	bool has_gateway;
	int index;
};

static void on_route(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[RTA_MAX + 1] = {0};
	const struct rtmsg *header = nlmsg_data(h);
	struct route *route = ud;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse((struct nlmsghdr *)(uintptr_t)h,
						     sizeof *header, parts, RTA_MAX, NULL) < 0)
		return;
	route->type = header->rtm_type;
	route->has_gateway = parts[RTA_GATEWAY] || parts[RTA_VIA];
	route->index = parts[RTA_OIF] ? (int)nla_get_u32(parts[RTA_OIF]) : 0;
}

int device_way_to(
	struct device_way *ret, struct netlink *n, const struct ipaddr *addr, struct err *e)
{
	const struct rtmsg header = {
		.rtm_family = (uint8_t)addr->family, .rtm_dst_len = (uint8_t)ipaddr_bits(addr)};
	struct nl_msg *m = netlink_msg(RTM_GETROUTE, 0, &header, sizeof header);
	struct route route = {0};
	struct found f = {0};
	int r;

	netlink_put(m, RTA_DST, addr->bytes, ipaddr_bits(addr) / 8);
	r = netlink_ask(n, m, on_route, &route, e);
	if (r == 0 && route.type == RTN_UNICAST && !route.has_gateway && route.index)
		r = look_at(&f, n, NULL, route.index, e);
	if (r < 0)
		return r;
	*ret = (struct device_way){.is_own = route.type == RTN_LOCAL, .mtu = f.mtu};
	return 0;
}
