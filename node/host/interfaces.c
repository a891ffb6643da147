/* SPDX-License-Identifier: Apache-2.0 */
#include "host/interfaces.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "table/script.h"

enum {
	ANSWER_FOR_OWN = 1, /* of arp_ignore */
	ASK_BY_OWN = 2,     /* of arp_announce */
};

struct reading {
	struct interfaces *interfaces;
	int *outside; /* indexes of all of them */
	size_t n_outside, n_addrs;
};

static bool is_our_device(const char *name)
{
	return strcmp(name, script_device(AF_INET)) == 0 ||
	       strcmp(name, script_device(AF_INET6)) == 0;
}

static void add_index(int **list, size_t *n, int index)
{
	*list = xreallocarray(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = index;
}

/* Devices that nobody has set up, as the kernel's own for tunnels, lead nowhere. */
static void on_link(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[IFLA_MAX + 1] = {0};
	const struct ifinfomsg *info = nlmsg_data(h);
	struct reading *r = ud;
	unsigned mtu;

	if (h->nlmsg_type != RTM_NEWLINK ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof *info, parts, IFLA_MAX, NULL) <
			0 ||
		!parts[IFLA_IFNAME] || !(info->ifi_flags & IFF_UP) ||
		info->ifi_flags & IFF_LOOPBACK || is_our_device(nla_get_string(parts[IFLA_IFNAME])))
		return;
	add_index(&r->outside, &r->n_outside, info->ifi_index);
	if (!(info->ifi_flags & IFF_NOARP))
		add_index(&r->interfaces->indexes, &r->interfaces->n_indexes, info->ifi_index);
	mtu = parts[IFLA_MTU] ? nla_get_u32(parts[IFLA_MTU]) : 0;
	if (mtu && (!r->interfaces->mtu || mtu < r->interfaces->mtu))
		r->interfaces->mtu = mtu;
}

static bool is_outside(const struct reading *r, int index)
{
	for (size_t i = 0; i < r->n_outside; i++)
		if (r->outside[i] == index)
			return true;
	return false;
}

static void on_address(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[IFA_MAX + 1] = {0}, *addr;
	const struct ifaddrmsg *info = nlmsg_data(h);
	struct reading *r = ud;

	if (h->nlmsg_type != RTM_NEWADDR ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof *info, parts, IFA_MAX, NULL) <
			0 ||
		info->ifa_scope != RT_SCOPE_UNIVERSE || !is_outside(r, (int)info->ifa_index))
		return;
	addr = parts[IFA_LOCAL] ? parts[IFA_LOCAL] : parts[IFA_ADDRESS];
	if (!addr || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) ||
		(size_t)nla_len(addr) != (info->ifa_family == AF_INET ? 4 : 16))
		return;
	if (r->n_addrs < LIMIT_REAL_ADDRESSES)
		r->interfaces->addrs[r->n_addrs] =
			ipaddr_from_bytes(info->ifa_family, nla_data(addr));
	r->n_addrs++;
}

static int read_all(struct reading *reading, struct netlink *n, struct err *e)
{
	const struct ifinfomsg links = {.ifi_family = AF_UNSPEC};
	const struct ifaddrmsg addresses = {.ifa_family = AF_UNSPEC};
	int r = netlink_ask(
		n, netlink_msg(RTM_GETLINK, NLM_F_DUMP, &links, sizeof links), on_link, reading, e);

	if (r == 0)
		r = netlink_ask(n,
			netlink_msg(RTM_GETADDR, NLM_F_DUMP, &addresses, sizeof addresses),
			on_address, reading, e);
	if (r == 0 && reading->n_addrs > LIMIT_REAL_ADDRESSES)
		r = err_set(e, E2BIG, "%zu addresses; a pod may have %d", reading->n_addrs,
			LIMIT_REAL_ADDRESSES);
	return r;
}

int interfaces_read(struct interfaces *ret, struct netlink *n, struct err *e)
{
	struct interfaces found = {0};
	struct reading reading = {.interfaces = &found};
	int r = read_all(&reading, n, e);

	free(reading.outside);
	if (r < 0) {
		interfaces_done(&found);
		return err_wrap(e, "looking at the pod's interfaces");
	}
	found.n_addrs = reading.n_addrs;
	*ret = found;
	return 0;
}

void interfaces_done(struct interfaces *i)
{
	free(i->indexes);
	*i = (struct interfaces){0};
}

int interfaces_hush(const struct interfaces *all, struct netlink *n, struct err *e)
{
	const struct netlink_setting settings[] = {
		{IPV4_DEVCONF_ARP_IGNORE, ANSWER_FOR_OWN}, {IPV4_DEVCONF_ARP_ANNOUNCE, ASK_BY_OWN}};

	for (size_t i = 0; i < all->n_indexes; i++) {
		const struct ifinfomsg header = {.ifi_index = all->indexes[i]};
		struct nl_msg *m = netlink_msg(RTM_NEWLINK, NLM_F_ACK, &header, sizeof header);

		netlink_put_settings(m, settings, sizeof settings / sizeof settings[0]);
		if (netlink_ask(n, m, NULL, NULL, e) < 0)
			return err_wrap(
				e, "keeping interface %d from answering for VIPs", all->indexes[i]);
	}
	return 0;
}
