/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/generation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "base/mem.h"

struct question {
	struct nlmsghdr header;
	struct nfgenmsg family;
};

union answer {
	struct nlmsghdr header;
	char bytes[1024];
};

/* The kernel has answered when it has taken the question. */
static ssize_t ask(union answer *ret)
{
	static const struct question question = {
		.header = {.nlmsg_len = sizeof question,
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			.nlmsg_flags = NLM_F_REQUEST},
		.family = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0},
	};
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	ssize_t len;

	if (fd < 0 || send(fd, &question, sizeof question, 0) < 0)
		return -errno;
	len = recv(fd, ret, sizeof *ret, MSG_DONTWAIT);
	return len < 0 ? -errno : len;
}

static int read_answer(uint32_t *ret, union answer *a, ssize_t len)
{
	struct nlattr *parts[NFTA_GEN_MAX + 1] = {0};

	if (len < 0)
		return (int)len;
	if (!nlmsg_ok(&a->header, (int)len))
		return -EBADMSG;
	if (a->header.nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)nlmsg_data(&a->header))->error;
	if (nlmsg_parse(&a->header, sizeof(struct nfgenmsg), parts, NFTA_GEN_MAX, NULL) < 0 ||
		!parts[NFTA_GEN_ID] || nla_len(parts[NFTA_GEN_ID]) != sizeof *ret)
		return -EBADMSG;
	*ret = ntohl(nla_get_u32(parts[NFTA_GEN_ID]));
	return 0;
}

int generation_read(uint32_t *ret, struct err *e)
{
	union answer answer = {0};
	int r = read_answer(ret, &answer, ask(&answer));

	return r < 0 ? err_errno(e, -r, "asking for the generation of nftables") : 0;
}
