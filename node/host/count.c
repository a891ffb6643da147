/* SPDX-License-Identifier: Apache-2.0 */
#include "host/count.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

struct question {
	int type;
	const char *table, *set; /* `set` may be NULL */
	void (*each)(void *ud, const struct nlmsghdr *h);
};

static struct nl_msg *request(const struct question *q)
{
	const struct nfgenmsg header = {.nfgen_family = NFPROTO_IPV4};
	struct nl_msg *m = netlink_msg(
		NFNL_SUBSYS_NFTABLES << 8 | q->type, NLM_F_DUMP, &header, sizeof header);

	/* The number of NFTA_SET_ELEM_LIST_TABLE, too. */
	netlink_put_text(m, NFTA_RULE_TABLE, q->table);
	if (q->set)
		netlink_put_text(m, NFTA_SET_ELEM_LIST_SET, q->set);
	return m;
}

/* Anybody's transaction interrupts it. */
static int ask(size_t *ret, struct netlink *n, const struct question *q, struct err *e)
{
	size_t count = 0;
	int r = -EAGAIN;

	for (unsigned i = 0; r == -EAGAIN && i < NETLINK_READS; i++) {
		*e = (struct err){0};
		count = 0;
		r = netlink_ask(n, request(q), q->each, &count, e);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		*e = (struct err){0};
	*ret = r < 0 ? 0 : count;
	return 0;
}

static void on_rule(void *ud, const struct nlmsghdr *h)
{
	(void)h;
	++*(size_t *)ud;
}

int count_rules(size_t *ret, struct netlink *n, const char *table, struct err *e)
{
	return ask(ret, n, &(struct question){NFT_MSG_GETRULE, table, NULL, on_rule}, e);
}

static void on_elements(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[NFTA_SET_ELEM_LIST_MAX + 1] = {0}, *element;
	int left;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), parts,
		    NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
		!parts[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	nla_for_each_nested(element, parts[NFTA_SET_ELEM_LIST_ELEMENTS], left)++ *(size_t *)ud;
}

int count_elements(
	size_t *ret, struct netlink *n, const char *table, const char *set, struct err *e)
{
	return ask(ret, n, &(struct question){NFT_MSG_GETSETELEM, table, set, on_elements}, e);
}
