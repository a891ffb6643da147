/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nft_batch.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

enum {
	ETHER_SOURCE = 6, /* where it is in the header */
	PORT_LEN = 2,
	REGISTER = 4, /* bytes: each part of a key fills whole ones */
	KEY_MAX = 16 + REGISTER,
	INET_SERVICE_TYPE = 13, /* how `nft list` shows a part of a key */
	TYPE_BITS = 6,          /* of each type, where a key has several */
	ANSWERS = 16 * 1024,
	SEND_TRIES = 5,
};

static const struct dialect {
	uint8_t nfproto;
	uint32_t source, destination; /* where they are in the header */
	uint32_t len;
	uint32_t type; /* how `nft list` shows a key */
} dialects[] = {
	{NFPROTO_IPV4, 12, 16, 4, 7},
	{NFPROTO_IPV6, 8, 24, 16, 8},
};

static const struct dialect *dialect_of(int family)
{
	return &dialects[family == AF_INET6];
}

static void must_fit(int r)
{
	if (r < 0)
		mem_exhausted();
}

static struct nlattr *nest(struct nl_msg *m, int type)
{
	struct nlattr *nested = nla_nest_start(m, type | NLA_F_NESTED);

	if (!nested)
		mem_exhausted();
	return nested;
}

static void put_u32(struct nl_msg *m, int type, uint32_t value)
{
	must_fit(nla_put_u32(m, type, htonl(value)));
}

static struct nl_msg *begin(int type, int flags, uint8_t family, uint16_t res_id)
{
	struct nfgenmsg head = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res_id)};
	struct nl_msg *m = nlmsg_alloc();

	if (!m || !nlmsg_put(m, NL_AUTO_PORT, 0, type, 0, NLM_F_REQUEST | flags) ||
		nlmsg_append(m, &head, sizeof head, NLMSG_ALIGNTO) < 0)
		mem_exhausted();
	return m;
}

static struct nl_msg *begin_table(int type, int flags, const struct nft_table *table)
{
	return begin(
		NFNL_SUBSYS_NFTABLES << 8 | type, flags, dialect_of(table->family)->nfproto, 0);
}

/* Consumes the message. */
static void add(struct nft_batch *b, struct nl_msg *m)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	h->nlmsg_seq = b->seq++;
	b->bytes = xreallocarray(b->bytes, b->len + len, 1);
	memset(b->bytes + b->len, 0, len);
	memcpy(b->bytes + b->len, h, h->nlmsg_len);
	b->len += len;
	nlmsg_free(m);
}

void nft_batch_begin(struct nft_batch *b)
{
	*b = (struct nft_batch){.seq = 1};
	add(b, begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void nft_batch_done(struct nft_batch *b)
{
	free(b->bytes);
	*b = (struct nft_batch){0};
}

static void add_about_table(struct nft_batch *b, int type, int flags, const struct nft_table *table)
{
	struct nl_msg *m = begin_table(type, flags, table);

	must_fit(nla_put_string(m, NFTA_TABLE_NAME, table->name));
	add(b, m);
}

void nft_batch_add_table(struct nft_batch *b, const struct nft_table *table)
{
	add_about_table(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
}

void nft_batch_delete_table(struct nft_batch *b, const struct nft_table *table)
{
	add_about_table(b, NFT_MSG_DELTABLE, 0, table);
}

void nft_batch_add_chain(struct nft_batch *b, const struct nft_table *table, const char *chain,
	uint32_t hook, int32_t priority)
{
	struct nl_msg *m = begin_table(NFT_MSG_NEWCHAIN, NLM_F_CREATE, table);
	struct nlattr *nested;

	must_fit(nla_put_string(m, NFTA_CHAIN_TABLE, table->name));
	must_fit(nla_put_string(m, NFTA_CHAIN_NAME, chain));
	nested = nest(m, NFTA_CHAIN_HOOK);
	put_u32(m, NFTA_HOOK_HOOKNUM, hook);
	put_u32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nla_nest_end(m, nested);
	must_fit(nla_put_string(m, NFTA_CHAIN_TYPE, "filter"));
	add(b, m);
}

static void add_set(struct nft_batch *b, const struct nft_table *table, const char *set,
	uint32_t type, uint32_t len)
{
	struct nl_msg *m = begin_table(NFT_MSG_NEWSET, NLM_F_CREATE, table);

	must_fit(nla_put_string(m, NFTA_SET_TABLE, table->name));
	must_fit(nla_put_string(m, NFTA_SET_NAME, set));
	put_u32(m, NFTA_SET_FLAGS, 0);
	put_u32(m, NFTA_SET_KEY_TYPE, type);
	put_u32(m, NFTA_SET_KEY_LEN, len);
	put_u32(m, NFTA_SET_ID, b->seq);
	add(b, m);
}

void nft_batch_add_set(struct nft_batch *b, const struct nft_table *table, const char *set)
{
	const struct dialect *d = dialect_of(table->family);

	add_set(b, table, set, d->type, d->len);
}

void nft_batch_add_port_set(struct nft_batch *b, const struct nft_table *table, const char *set)
{
	const struct dialect *d = dialect_of(table->family);

	add_set(b, table, set, d->type << TYPE_BITS | INET_SERVICE_TYPE, d->len + REGISTER);
}

static void add_about_element(struct nft_batch *b, int type, int flags,
	const struct nft_table *table, const char *set, const void *bytes, uint32_t len)
{
	struct nl_msg *m = begin_table(type, flags, table);
	struct nlattr *elements, *element, *key;

	must_fit(nla_put_string(m, NFTA_SET_ELEM_LIST_TABLE, table->name));
	must_fit(nla_put_string(m, NFTA_SET_ELEM_LIST_SET, set));
	elements = nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nest(m, NFTA_LIST_ELEM);
	key = nest(m, NFTA_SET_ELEM_KEY);
	must_fit(nla_put(m, NFTA_DATA_VALUE, (int)len, bytes));
	nla_nest_end(m, key);
	nla_nest_end(m, element);
	nla_nest_end(m, elements);
	add(b, m);
}

void nft_batch_add_element(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct ipaddr *addr)
{
	add_about_element(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, addr->bytes,
		dialect_of(table->family)->len);
}

void nft_batch_delete_element(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct ipaddr *addr)
{
	add_about_element(
		b, NFT_MSG_DELSETELEM, 0, table, set, addr->bytes, dialect_of(table->family)->len);
}

static void add_about_port(struct nft_batch *b, int type, int flags, const struct nft_table *table,
	const char *set, const struct place *p)
{
	uint32_t len = dialect_of(table->family)->len;
	unsigned char key[KEY_MAX] = {0};

	memcpy(key, p->vip.bytes, len);
	key[len] = (unsigned char)(p->port >> 8);
	key[len + 1] = (unsigned char)p->port;
	add_about_element(b, type, flags, table, set, key, len + REGISTER);
}

void nft_batch_add_port(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct place *place)
{
	add_about_port(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, place);
}

void nft_batch_delete_port(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct place *place)
{
	add_about_port(b, NFT_MSG_DELSETELEM, 0, table, set, place);
}

struct nft_rule nft_rule_begin(const struct nft_table *table, const char *chain)
{
	struct nft_rule r = {
		.msg = begin_table(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table),
		.family = table->family,
	};

	must_fit(nla_put_string(r.msg, NFTA_RULE_TABLE, table->name));
	must_fit(nla_put_string(r.msg, NFTA_RULE_CHAIN, chain));
	r.expressions = nest(r.msg, NFTA_RULE_EXPRESSIONS);
	return r;
}

struct expression {
	struct nlattr *element, *data;
};

static struct expression begin_expression(struct nl_msg *m, const char *name)
{
	struct expression x = {.element = nest(m, NFTA_LIST_ELEM)};

	must_fit(nla_put_string(m, NFTA_EXPR_NAME, name));
	x.data = nest(m, NFTA_EXPR_DATA);
	return x;
}

static void end_expression(struct nl_msg *m, const struct expression *x)
{
	nla_nest_end(m, x->data);
	nla_nest_end(m, x->element);
}

static void load_meta(struct nl_msg *m, uint32_t key)
{
	struct expression x = begin_expression(m, "meta");

	put_u32(m, NFTA_META_DREG, NFT_REG_1);
	put_u32(m, NFTA_META_KEY, key);
	end_expression(m, &x);
}

static void load_payload_to(
	struct nl_msg *m, uint32_t reg, uint32_t base, uint32_t offset, uint32_t len)
{
	struct expression x = begin_expression(m, "payload");

	put_u32(m, NFTA_PAYLOAD_DREG, reg);
	put_u32(m, NFTA_PAYLOAD_BASE, base);
	put_u32(m, NFTA_PAYLOAD_OFFSET, offset);
	put_u32(m, NFTA_PAYLOAD_LEN, len);
	end_expression(m, &x);
}

static void load_payload(struct nl_msg *m, uint32_t base, uint32_t offset, uint32_t len)
{
	load_payload_to(m, NFT_REG_1, base, offset, len);
}

static void compare(struct nl_msg *m, uint32_t op, const void *value, int len)
{
	struct expression x = begin_expression(m, "cmp");
	struct nlattr *data;

	put_u32(m, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(m, NFTA_CMP_OP, op);
	data = nest(m, NFTA_CMP_DATA);
	must_fit(nla_put(m, NFTA_DATA_VALUE, len, value));
	nla_nest_end(m, data);
	end_expression(m, &x);
}

void nft_rule_not_from(struct nft_rule *r, const char *interface)
{
	char name[IFNAMSIZ] = "";

	memcpy(name, interface, strnlen(interface, sizeof name - 1));
	load_meta(r->msg, NFT_META_IIFNAME);
	compare(r->msg, NFT_CMP_NEQ, name, sizeof name);
}

static void look_up(struct nl_msg *m, uint32_t reg, const char *set)
{
	struct expression x = begin_expression(m, "lookup");

	must_fit(nla_put_string(m, NFTA_LOOKUP_SET, set));
	put_u32(m, NFTA_LOOKUP_SREG, reg);
	end_expression(m, &x);
}

static void address_in(struct nft_rule *r, uint32_t offset, const char *set)
{
	load_payload(r->msg, NFT_PAYLOAD_NETWORK_HEADER, offset, dialect_of(r->family)->len);
	look_up(r->msg, NFT_REG_1, set);
}

void nft_rule_source_port_in(struct nft_rule *r, const char *set)
{
	const struct dialect *d = dialect_of(r->family);

	load_payload_to(r->msg, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, d->source, d->len);
	load_payload_to(r->msg, NFT_REG32_00 + d->len / REGISTER, NFT_PAYLOAD_TRANSPORT_HEADER, 0,
		PORT_LEN);
	look_up(r->msg, NFT_REG32_00, set);
}

void nft_rule_source_in(struct nft_rule *r, const char *set)
{
	address_in(r, dialect_of(r->family)->source, set);
}

void nft_rule_destination_in(struct nft_rule *r, const char *set)
{
	address_in(r, dialect_of(r->family)->destination, set);
}

void nft_rule_protocol_is(struct nft_rule *r, uint8_t protocol)
{
	load_meta(r->msg, NFT_META_L4PROTO);
	compare(r->msg, NFT_CMP_EQ, &protocol, sizeof protocol);
}

void nft_rule_icmp_type_is(struct nft_rule *r, uint8_t type)
{
	load_payload(r->msg, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof type);
	compare(r->msg, NFT_CMP_EQ, &type, sizeof type);
}

/* There are link-layer headers without such an address. */
void nft_rule_sender_is(struct nft_rule *r, const unsigned char mac[static NFT_MAC])
{
	const uint16_t ether = ARPHRD_ETHER;

	load_meta(r->msg, NFT_META_IIFTYPE);
	compare(r->msg, NFT_CMP_EQ, &ether, sizeof ether);
	load_payload(r->msg, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, NFT_MAC);
	compare(r->msg, NFT_CMP_EQ, mac, NFT_MAC);
}

void nft_rule_no_track(struct nft_rule *r)
{
	struct nlattr *element = nest(r->msg, NFTA_LIST_ELEM);

	must_fit(nla_put_string(r->msg, NFTA_EXPR_NAME, "notrack"));
	nla_nest_end(r->msg, element);
}

void nft_rule_drop(struct nft_rule *r)
{
	struct expression x = begin_expression(r->msg, "immediate");
	struct nlattr *data, *verdict;

	put_u32(r->msg, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nest(r->msg, NFTA_IMMEDIATE_DATA);
	verdict = nest(r->msg, NFTA_DATA_VERDICT);
	put_u32(r->msg, NFTA_VERDICT_CODE, NF_DROP);
	nla_nest_end(r->msg, verdict);
	nla_nest_end(r->msg, data);
	end_expression(r->msg, &x);
}

void nft_rule_end(struct nft_batch *b, struct nft_rule *r)
{
	nla_nest_end(r->msg, r->expressions);
	add(b, r->msg);
	b->n_rules++;
	*r = (struct nft_rule){0};
}

static int send_all(const struct nft_batch *b, struct nl_sock *s)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = -1;

	errno = EINTR;
	for (int i = 0; i < SEND_TRIES && n < 0 && (errno == EINTR || errno == ENOBUFS); i++)
		n = sendto(nl_socket_get_fd(s), b->bytes, b->len, 0,
			(const struct sockaddr *)&kernel, sizeof kernel);
	return n < 0 ? -errno : 0;
}

/* The kernel works while we send, so what it has to say is there already. 0, or the first refusal.
 */
static int read_answers(struct nl_sock *s)
{
	_Alignas(struct nlmsghdr) char buf[ANSWERS];
	int first = 0;
	ssize_t n;

	while ((n = recv(nl_socket_get_fd(s), buf, sizeof buf, MSG_DONTWAIT)) > 0 ||
		(n < 0 && (errno == EINTR || errno == ENOBUFS))) {
		int len = (int)n;

		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; len > 0 && nlmsg_ok(h, len);
			h = nlmsg_next(h, &len)) {
			const struct nlmsgerr *answer = nlmsg_data(h);

			if (h->nlmsg_type == NLMSG_ERROR && first == 0)
				first = answer->error;
		}
	}
	return first;
}

int nft_batch_commit(struct nft_batch *b, struct nl_sock *s, struct err *e)
{
	int r;

	add(b, begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	read_answers(s); /* of an earlier batch, if any were left */
	r = send_all(b, s);
	if (r == 0)
		r = read_answers(s);
	nft_batch_done(b);
	return r < 0 ? err_errno(e, -r, "changing nftables") : 0;
}
