/* SPDX-License-Identifier: Apache-2.0 */
#include "host/counter.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

static struct nl_msg *request(int family, const char *table, const char *name)
{
	const struct nfgenmsg header = {
		.nfgen_family = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4};
	struct nl_msg *m =
		netlink_msg(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ, 0, &header, sizeof header);

	netlink_put_text(m, NFTA_OBJ_TABLE, table);
	netlink_put_text(m, NFTA_OBJ_NAME, name);
	netlink_put_u32(m, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
	return m;
}

static void on_object(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[NFTA_OBJ_MAX + 1] = {0}, *data[NFTA_COUNTER_MAX + 1] = {0};
	uint64_t packets;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), parts,
		    NFTA_OBJ_MAX, NULL) < 0 ||
		!parts[NFTA_OBJ_DATA] ||
		nla_parse_nested(data, NFTA_COUNTER_MAX, parts[NFTA_OBJ_DATA], NULL) < 0 ||
		!data[NFTA_COUNTER_PACKETS] ||
		(size_t)nla_len(data[NFTA_COUNTER_PACKETS]) < sizeof packets)
		return;
	memcpy(&packets, nla_data(data[NFTA_COUNTER_PACKETS]), sizeof packets);
	*(uint64_t *)ud = be64toh(packets);
}

int counter_read(uint64_t *ret, struct netlink *n, int family, const char *table, const char *name,
	struct err *e)
{
	uint64_t packets = 0;
	int r = netlink_ask(n, request(family, table, name), on_object, &packets, e);

	if (r < 0 && r != -ENOENT)
		return err_wrap(e, "reading the counter %s of %s", name, table);
	if (r < 0)
		*e = (struct err){0};
	*ret = packets;
	return 0;
}
