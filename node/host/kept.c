/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "table/script.h"

enum { WORD = 4 /* bytes: in a concatenation each part fills whole ones */ };

/* The reading of one table. */
struct reading {
	struct kept *kept;
	int family;
	size_t addr_len, room_plan, room_ids;
	bool ends; /* of the element: it is behind the end of a prefix */
};

/* A key or a value, as its bytes. */
struct value {
	const uint8_t *bytes;
	size_t len;
};

static struct nl_msg *request(int type, int flags, int family)
{
	const struct nfgenmsg header = {
		.nfgen_family = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4};

	return netlink_msg(NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof header);
}

static void on_generation(void *ud, const struct nlmsghdr *h)
{
	struct nlattr *parts[NFTA_GEN_MAX + 1] = {0};
	uint32_t *generation = ud;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), parts,
		    NFTA_GEN_MAX, NULL) == 0 &&
		parts[NFTA_GEN_ID])
		*generation = ntohl(nla_get_u32(parts[NFTA_GEN_ID]));
}

int kept_generation(uint32_t *ret, struct netlink *n, struct err *e)
{
	return netlink_ask(n, request(NFT_MSG_GETGEN, 0, AF_INET), on_generation, ret, e);
}

static struct value value_of(struct nlattr *nest)
{
	struct nlattr *parts[NFTA_DATA_MAX + 1] = {0};
	struct value none = {0};

	if (!nest || nla_parse_nested(parts, NFTA_DATA_MAX, nest, NULL) < 0 ||
		!parts[NFTA_DATA_VALUE])
		return none;
	return (struct value){
		nla_data(parts[NFTA_DATA_VALUE]), (size_t)nla_len(parts[NFTA_DATA_VALUE])};
}

static uint16_t port_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Pod to mark. */
static void add_pod(struct reading *r, struct value key, struct value data)
{
	struct ids *ids = &r->kept->ids;
	uint32_t mark;

	if (key.len < r->addr_len || data.len < sizeof mark)
		return;
	if (ids->n_items == r->room_ids) {
		r->room_ids = r->room_ids ? 2 * r->room_ids : 64;
		ids->items = xreallocarray(ids->items, r->room_ids, sizeof *ids->items);
	}
	memcpy(&mark, data.bytes, sizeof mark);
	ids->items[ids->n_items++] =
		(struct id){ipaddr_from_bytes(r->family, key.bytes), (uint16_t)mark};
}

/* Mark, VIP, protocol and port to pod and port. */
static void add_entry(struct reading *r, struct value key, struct value data)
{
	struct plan *plan = r->kept->plan;
	struct plan_entry *entry;

	if (key.len < r->addr_len + 3 * (size_t)WORD || data.len < r->addr_len + 2)
		return;
	if (plan->n_entries == r->room_plan) {
		r->room_plan = r->room_plan ? 2 * r->room_plan : 64;
		plan->entries = xreallocarray(plan->entries, r->room_plan, sizeof *plan->entries);
	}
	entry = &plan->entries[plan->n_entries++];
	*entry = (struct plan_entry){
		.pod = ipaddr_from_bytes(r->family, data.bytes),
		.place = {ipaddr_from_bytes(r->family, key.bytes + WORD),
			key.bytes[WORD + r->addr_len], port_at(key.bytes + 2 * WORD + r->addr_len)},
		.target = port_at(data.bytes + r->addr_len),
	};
}

static bool is_end(const struct nlattr *flags)
{
	return flags && nla_len(flags) == 4 &&
	       ntohl(nla_get_u32(flags)) & NFT_SET_ELEM_INTERVAL_END;
}

static void each_element(struct reading *r, const struct nlmsghdr *h,
	void (*take)(struct reading *r, struct value key, struct value data))
{
	struct nlattr *parts[NFTA_SET_ELEM_LIST_MAX + 1] = {0}, *element;
	int left;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), parts,
		    NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
		!parts[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	nla_for_each_nested(element, parts[NFTA_SET_ELEM_LIST_ELEMENTS], left)
	{
		struct nlattr *items[NFTA_SET_ELEM_MAX + 1] = {0};

		if (nla_parse_nested(items, NFTA_SET_ELEM_MAX, element, NULL) < 0)
			continue;
		r->ends = is_end(items[NFTA_SET_ELEM_FLAGS]);
		take(r, value_of(items[NFTA_SET_ELEM_KEY]), value_of(items[NFTA_SET_ELEM_DATA]));
	}
}

static void count_vip(struct reading *r, struct value key, struct value data)
{
	(void)key;
	(void)data;
	r->kept->n_vips++;
}

static void add_edge(struct reading *r, struct value key, struct value data)
{
	(void)data;
	if (key.len >= r->addr_len)
		edges_add(&r->kept->sources,
			&(struct edge){ipaddr_from_bytes(r->family, key.bytes), r->ends});
}

static void on_pods(void *ud, const struct nlmsghdr *h)
{
	each_element(ud, h, add_pod);
}

static void on_endpoints(void *ud, const struct nlmsghdr *h)
{
	each_element(ud, h, add_entry);
}

static void on_vips(void *ud, const struct nlmsghdr *h)
{
	each_element(ud, h, count_vip);
}

static void on_sources(void *ud, const struct nlmsghdr *h)
{
	each_element(ud, h, add_edge);
}

static void on_rule(void *ud, const struct nlmsghdr *h)
{
	struct reading *r = ud;

	(void)h;
	r->kept->n_rules++;
}

/* What is not there has nothing. */
static int ask(struct reading *r, struct netlink *n, struct nl_msg *m,
	void (*each)(void *ud, const struct nlmsghdr *h), struct err *e)
{
	int result = netlink_ask(n, m, each, r, e);

	if (result != -ENOENT)
		return result;
	*e = (struct err){0};
	return 0;
}

static int read_all(struct reading *r, struct netlink *n, struct err *e)
{
	static void (*const readers[])(void *ud, const struct nlmsghdr *h) = {
		on_pods, on_endpoints, on_vips, on_sources};
	struct nl_msg *m = request(NFT_MSG_GETRULE, NLM_F_DUMP, r->family);
	int result;

	netlink_put_text(m, NFTA_RULE_TABLE, SCRIPT_TABLE);
	result = ask(r, n, m, on_rule, e);
	for (enum script_set set = 0; result == 0 && set < SCRIPT_N_SETS; set++) {
		m = request(NFT_MSG_GETSETELEM, NLM_F_DUMP, r->family);
		netlink_put_text(m, NFTA_SET_ELEM_LIST_TABLE, SCRIPT_TABLE);
		netlink_put_text(m, NFTA_SET_ELEM_LIST_SET, script_set_name(set));
		result = ask(r, n, m, readers[set], e);
	}
	return result;
}

static int cmp_entries(const void *a, const void *b)
{
	return plan_entry_cmp(a, b);
}

static int cmp_ids(const void *a, const void *b)
{
	return ipaddr_cmp(&((const struct id *)a)->addr, &((const struct id *)b)->addr);
}

static int read_once(struct kept *ret, struct netlink *n, int family, struct err *e)
{
	struct kept k = {.plan = xnew0(struct plan)};
	struct reading r = {.kept = &k, .family = family, .addr_len = family == AF_INET6 ? 16 : 4};
	int result = read_all(&r, n, e);

	if (result < 0) {
		kept_done(&k);
		return err_wrap(e, "reading the table " SCRIPT_TABLE);
	}
	if (k.plan->n_entries > 0)
		qsort(k.plan->entries, k.plan->n_entries, sizeof *k.plan->entries, cmp_entries);
	if (k.ids.n_items > 0)
		qsort(k.ids.items, k.ids.n_items, sizeof *k.ids.items, cmp_ids);
	edges_settle(&k.sources);
	*ret = k;
	return 0;
}

/* Anybody's transaction interrupts it. */
int kept_read(struct kept *ret, struct netlink *n, int family, struct err *e)
{
	int r = -EAGAIN;

	for (unsigned i = 0; r == -EAGAIN && i < NETLINK_READS; i++) {
		*e = (struct err){0};
		r = read_once(ret, n, family, e);
	}
	return r;
}

void kept_done(struct kept *k)
{
	plan_free(k->plan);
	ids_done(&k->ids);
	edges_done(&k->sources);
	*k = (struct kept){0};
}

static bool same_ids(const struct ids *a, const struct ids *b)
{
	bool same = a->n_items == b->n_items;

	for (size_t i = 0; same && i < a->n_items; i++)
		same = ipaddr_equal(&a->items[i].addr, &b->items[i].addr) &&
		       a->items[i].id == b->items[i].id;
	return same;
}

static bool same_sources(const struct edges *a, const struct content *c)
{
	struct edges b = edges_of(c->sources, c->n_sources);
	bool same;

	edges_settle(&b);
	same = edges_equal(a, &b);
	edges_done(&b);
	return same;
}

bool kept_is(const struct kept *k, const struct content *c)
{
	return k->n_rules == SCRIPT_RULES && plan_equal(k->plan, c->plan) &&
	       same_ids(&k->ids, &c->ids) && k->n_vips == c->n_vips && same_sources(&k->sources, c);
}
