/* SPDX-License-Identifier: Apache-2.0 */
#include "node/stray_table.h"

#include <ifaddrs.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>

#include "node/nft_batch.h"
#include "node/nft_look.h"

#define CHAIN "prerouting"
#define SOME "tunnels"
#define SERVED "served"

enum { TABLE_MAX = sizeof "kago-lb-4294967295" };

static struct nft_table table_of(
	char ret_buf[static TABLE_MAX], const struct stray_table *t, uint32_t metric)
{
	snprintf(ret_buf, TABLE_MAX, "kago-lb-%u", metric);
	return (struct nft_table){t->family, ret_buf};
}

static void drop_segments(
	struct nft_batch *b, const struct nft_table *table, const unsigned char mac[static NFT_MAC])
{
	struct nft_rule r = nft_rule_begin(table, CHAIN);

	nft_rule_sender_is(&r, mac);
	nft_rule_protocol_is(&r, IPPROTO_TCP);
	nft_rule_source_port_in(&r, SERVED);
	nft_rule_drop(&r);
	nft_rule_end(b, &r);
}

/* It comes from the pod's own address, not from a VIP as in IPv4, and is about a packet that was
 * not tracked: it would be called invalid. */
static void let_packet_too_big_through(
	struct nft_batch *b, const struct nft_table *table, const unsigned char mac[static NFT_MAC])
{
	struct nft_rule r = nft_rule_begin(table, CHAIN);

	nft_rule_sender_is(&r, mac);
	nft_rule_protocol_is(&r, IPPROTO_ICMPV6);
	nft_rule_icmp_type_is(&r, ICMP6_PACKET_TOO_BIG);
	nft_rule_no_track(&r);
	nft_rule_end(b, &r);
}

/* By the addresses of a pod's interfaces its node knows it: it has one, as a rule. */
static void tell_what_we_send(struct nft_batch *b, const struct nft_table *table)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		const struct sockaddr_ll *link = (const struct sockaddr_ll *)one->ifa_addr;

		if (!link || link->sll_family != AF_PACKET || link->sll_halen != NFT_MAC ||
			one->ifa_flags & IFF_LOOPBACK)
			continue;
		drop_segments(b, table, link->sll_addr);
		if (table->family == AF_INET6)
			let_packet_too_big_through(b, table, link->sll_addr);
	}
	freeifaddrs(all);
}

/* What comes out of a tunnel on this node is for its pods, and is tracked. */
static void track_none(struct nft_batch *b, const struct nft_table *table, const char *device)
{
	struct nft_rule r = nft_rule_begin(table, CHAIN);

	nft_rule_not_from(&r, device);
	nft_rule_destination_in(&r, SOME);
	nft_rule_no_track(&r);
	nft_rule_end(b, &r);
	r = nft_rule_begin(table, CHAIN);
	nft_rule_source_in(&r, SOME);
	nft_rule_no_track(&r);
	nft_rule_end(b, &r);
}

static int make_table(struct stray_table *t, uint32_t metric, struct err *e)
{
	char name[TABLE_MAX];
	const struct nft_table table = table_of(name, t, metric);
	struct nft_batch b;

	nft_batch_begin(&b);
	nft_batch_add_table(&b, &table);
	nft_batch_delete_table(&b, &table);
	nft_batch_add_table(&b, &table);
	nft_batch_add_set(&b, &table, SOME);
	nft_batch_add_port_set(&b, &table, SERVED);
	nft_batch_add_chain(&b, &table, CHAIN, NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	tell_what_we_send(&b, &table);
	track_none(&b, &table, t->device);
	t->n_rules = b.n_rules;
	return nft_batch_commit(&b, t->sock, e);
}

struct census {
	const struct stray_table *table;
	bool *found;
};

static void on_name(void *ud, const char *name)
{
	const struct census *c = ud;
	char ours[TABLE_MAX];

	for (uint32_t metric = SLOT_MIN; metric <= SLOT_MAX; metric++)
		c->found[metric] |= strcmp(name, table_of(ours, c->table, metric).name) == 0;
}

int stray_table_list(bool ret[static SLOT_MAX + 1], const struct stray_table *t, struct err *e)
{
	bool found[SLOT_MAX + 1] = {false};
	struct census c = {t, found};
	int r = nft_look_tables(t->sock, t->family, on_name, &c, e);

	if (r == 0)
		memcpy(ret, found, sizeof found);
	return r;
}

int stray_table_remove(const struct stray_table *t, uint32_t metric, struct err *e)
{
	char name[TABLE_MAX];
	const struct nft_table table = table_of(name, t, metric);
	struct nft_batch b;

	nft_batch_begin(&b);
	nft_batch_delete_table(&b, &table);
	return nft_batch_commit(&b, t->sock, e);
}

typedef void change_fn(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct ipaddr *addr);

static int change(struct stray_table *t, change_fn *fn, const struct prefixes *vips, struct err *e)
{
	char name[TABLE_MAX];
	const struct nft_table table = table_of(name, t, t->metric);
	struct nft_batch b;
	size_t i = 0;
	int r = 0;

	while (r == 0 && i < vips->n_items) {
		nft_batch_begin(&b);
		for (size_t n = 0; n < NFT_BATCH_MAX && i < vips->n_items; i++, n++)
			fn(&b, &table, SOME, &vips->items[i].addr);
		r = nft_batch_commit(&b, t->sock, e);
	}
	return r;
}

/* What is in a set too long does no harm, what is missing does. */
static int follow(struct stray_table *t, const struct prefixes *wanted, struct err *e)
{
	CLEANUP_PREFIXES struct prefixes in = prefixes_minus(wanted, &t->some, SIZE_MAX);
	CLEANUP_PREFIXES struct prefixes out = prefixes_minus(&t->some, wanted, SIZE_MAX);
	int r = change(t, nft_batch_delete_element, &out, e);

	if (r == 0)
		r = change(t, nft_batch_add_element, &in, e);
	if (r < 0)
		return r;
	prefixes_done(&t->some);
	t->some = prefixes_copy(wanted);
	return 0;
}

typedef void change_port_fn(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct place *place);

static int change_ports(
	struct stray_table *t, change_port_fn *fn, const struct served *ports, struct err *e)
{
	char name[TABLE_MAX];
	const struct nft_table table = table_of(name, t, t->metric);
	struct nft_batch b;
	size_t i = 0;
	int r = 0;

	while (r == 0 && i < ports->n_items) {
		nft_batch_begin(&b);
		for (size_t n = 0; n < NFT_BATCH_MAX && i < ports->n_items; i++, n++)
			fn(&b, &table, SERVED, &ports->items[i]);
		r = nft_batch_commit(&b, t->sock, e);
	}
	return r;
}

/* Takes `wanted` over. */
static int follow_ports(struct stray_table *t, struct served *wanted, struct err *e)
{
	CLEANUP_SERVED struct served in = served_minus(wanted, &t->served);
	CLEANUP_SERVED struct served out = served_minus(&t->served, wanted);
	int r = change_ports(t, nft_batch_delete_port, &out, e);

	if (r == 0)
		r = change_ports(t, nft_batch_add_port, &in, e);
	if (r < 0)
		return r;
	served_done(&t->served);
	t->served = *wanted;
	*wanted = (struct served){0};
	return 0;
}

void stray_table_forget(struct stray_table *t)
{
	prefixes_done(&t->some);
	served_done(&t->served);
	t->metric = 0;
}

/* Our first table, or one under another name: packets find one of both all the time. */
static int move(struct stray_table *t, uint32_t metric, struct err *e)
{
	int r;

	if (t->metric == metric)
		return 0;
	r = make_table(t, metric, e);
	if (r < 0)
		return r;
	stray_table_forget(t);
	t->metric = metric;
	return 0;
}

int stray_table_set(struct stray_table *t, uint32_t metric, const struct prefixes *some,
	struct served *served, struct err *e)
{
	int r = move(t, metric, e);

	if (r == 0)
		r = follow(t, some, e);
	return r < 0 ? r : follow_ports(t, served, e);
}

struct tally {
	const struct stray_table *table;
	size_t n; /* elements that shall be there, and are */
};

static void count_vip(void *ud, const struct ipaddr *addr, uint16_t port)
{
	const struct ipnet net = ipnet_of(addr);
	struct tally *c = ud;

	(void)port;
	c->n += prefixes_has(&c->table->some, &net);
}

static void count_port(void *ud, const struct ipaddr *addr, uint16_t port)
{
	const struct place place = {*addr, IPPROTO_TCP, port};
	struct tally *c = ud;

	c->n += served_has(&c->table->served, &place);
}

int stray_table_is_whole(bool *ret, const struct stray_table *t, struct err *e)
{
	char name[TABLE_MAX];
	const struct nft_table table = table_of(name, t, t->metric);
	struct tally vips = {.table = t}, ports = {.table = t};
	size_t n_rules = 0;
	int r = nft_look_rules(&n_rules, t->sock, &table, e);

	if (r == 0)
		r = nft_look_set(t->sock, &table, SOME, count_vip, &vips, e);
	if (r == 0)
		r = nft_look_set(t->sock, &table, SERVED, count_port, &ports, e);
	if (r == 0)
		*ret = n_rules >= t->n_rules && vips.n == t->some.n_items &&
		       ports.n == t->served.n_items;
	return r;
}
