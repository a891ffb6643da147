/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nft_look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "node/netlink.h"

enum { PORT_LEN = 2 };

static struct nl_msg *question(int type, int flags, int family)
{
	const uint8_t nfproto = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct nfgenmsg head = {.nfgen_family = nfproto, .version = NFNETLINK_V0};
	struct nl_msg *m = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, flags);

	if (!m || nlmsg_append(m, &head, sizeof head, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	return m;
}

static void put_text(struct nl_msg *m, int type, const char *text)
{
	if (nla_put_string(m, type, text) < 0)
		mem_exhausted();
}

static void on_generation(void *ud, struct nlmsghdr *h)
{
	const struct nlattr *id = nlmsg_find_attr(h, sizeof(struct nfgenmsg), NFTA_GEN_ID);
	uint32_t *generation = ud;

	if (id && nla_len(id) >= (int)sizeof *generation)
		*generation = ntohl(nla_get_u32(id));
}

int nft_look_generation(uint32_t *ret, struct nl_sock *s, struct err *e)
{
	uint32_t generation = 0;
	int r = netlink_ask(s, question(NFT_MSG_GETGEN, 0, AF_INET), on_generation, &generation, e);

	if (r < 0)
		return err_wrap(e, "asking whether nftables has changed");
	*ret = generation;
	return 0;
}

/* Consumes the question. */
static int list(struct nl_sock *s, struct nl_msg *m, netlink_fn *each, void *ud, struct err *e)
{
	struct err why = {0};
	int r = netlink_ask(s, m, each, ud, &why);

	if (r == 0 || r == -ENOENT)
		return 0;
	*e = why;
	return err_wrap(e, "looking at nftables");
}

struct names {
	nft_name_fn *found;
	void *ud;
};

static void on_table(void *ud, struct nlmsghdr *h)
{
	struct nlattr *name = nlmsg_find_attr(h, sizeof(struct nfgenmsg), NFTA_TABLE_NAME);
	const struct names *names = ud;

	if (name)
		names->found(names->ud, nla_get_string(name));
}

int nft_look_tables(struct nl_sock *s, int family, nft_name_fn *found, void *ud, struct err *e)
{
	struct names names = {found, ud};

	return list(s, question(NFT_MSG_GETTABLE, NLM_F_DUMP, family), on_table, &names, e);
}

static void on_rule(void *ud, struct nlmsghdr *h)
{
	size_t *n = ud;

	(void)h;
	++*n;
}

int nft_look_rules(size_t *ret, struct nl_sock *s, const struct nft_table *table, struct err *e)
{
	struct nl_msg *m = question(NFT_MSG_GETRULE, NLM_F_DUMP, table->family);
	size_t n = 0;
	int r;

	put_text(m, NFTA_RULE_TABLE, table->name);
	r = list(s, m, on_rule, &n, e);
	if (r == 0)
		*ret = n;
	return r;
}

struct listing {
	int family;
	nft_element_fn *found;
	void *ud;
};

static void tell(const struct listing *l, struct nlattr *key)
{
	struct nlattr *parts[NFTA_DATA_MAX + 1] = {0};
	int addr_len = l->family == AF_INET6 ? 16 : 4;
	struct ipaddr addr;
	const uint8_t *bytes;
	uint16_t port = 0;
	int len;

	if (nla_parse_nested(parts, NFTA_DATA_MAX, key, NULL) < 0 || !parts[NFTA_DATA_VALUE])
		return;
	bytes = nla_data(parts[NFTA_DATA_VALUE]);
	len = nla_len(parts[NFTA_DATA_VALUE]);
	if (len < addr_len)
		return;
	addr = ipaddr_from_bytes(l->family, bytes);
	if (len >= addr_len + PORT_LEN)
		port = (uint16_t)(bytes[addr_len] << 8 | bytes[addr_len + 1]);
	l->found(l->ud, &addr, port);
}

static void on_elements(void *ud, struct nlmsghdr *h)
{
	struct nlattr *all = nlmsg_find_attr(
			      h, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS),
		      *one;
	int left;

	if (!all)
		return;
	nla_for_each_nested(one, all, left)
	{
		struct nlattr *parts[NFTA_SET_ELEM_MAX + 1] = {0};

		if (nla_parse_nested(parts, NFTA_SET_ELEM_MAX, one, NULL) == 0 &&
			parts[NFTA_SET_ELEM_KEY])
			tell(ud, parts[NFTA_SET_ELEM_KEY]);
	}
}

int nft_look_set(struct nl_sock *s, const struct nft_table *table, const char *set,
	nft_element_fn *found, void *ud, struct err *e)
{
	struct nl_msg *m = question(NFT_MSG_GETSETELEM, NLM_F_DUMP, table->family);
	struct listing l = {table->family, found, ud};

	put_text(m, NFTA_SET_ELEM_LIST_TABLE, table->name);
	put_text(m, NFTA_SET_ELEM_LIST_SET, set);
	return list(s, m, on_elements, &l, e);
}
