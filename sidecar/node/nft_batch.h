/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"
#include "values/place.h"

/*
 * Changes of nftables (linux/netfilter/nf_tables.h) over a netlink socket that is there already,
 * in whichever namespace it belongs to: libnftables makes its own, and there is no way into the
 * node's namespace later on. A batch is a transaction, and goes out in one piece: NFT_BATCH_MAX
 * changes fit. What is here is what our rules need: tables of the families ip and ip6, sets of
 * addresses and of ports of such, and rules of a few kinds.
 */
enum { NFT_BATCH_MAX = 512 };

struct nft_table {
	int family; /* AF_INET, AF_INET6 */
	const char *name;
};

struct nft_batch {
	unsigned char *bytes;
	size_t len;
	uint32_t seq;
	size_t n_rules; /* that are in it */
};

void nft_batch_begin(struct nft_batch *b);
void nft_batch_done(struct nft_batch *b);

void nft_batch_add_table(struct nft_batch *b, const struct nft_table *table);
/* It has to be there: adding it first does no harm. */
void nft_batch_delete_table(struct nft_batch *b, const struct nft_table *table);
/* A chain of type filter at a hook of NF_INET_*. */
void nft_batch_add_chain(struct nft_batch *b, const struct nft_table *table, const char *chain,
	uint32_t hook, int32_t priority);
/* Of addresses of the table's family. */
void nft_batch_add_set(struct nft_batch *b, const struct nft_table *table, const char *set);
void nft_batch_add_element(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct ipaddr *addr);
void nft_batch_delete_element(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct ipaddr *addr);
/* Of addresses of the table's family with a port. */
void nft_batch_add_port_set(struct nft_batch *b, const struct nft_table *table, const char *set);
void nft_batch_add_port(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct place *place);
void nft_batch_delete_port(struct nft_batch *b, const struct nft_table *table, const char *set,
	const struct place *place);

/*
 * A rule is begun, given expressions, and ended. Each matches or does something: what comes after
 * one that does not match is not done.
 */
struct nft_rule {
	struct nl_msg *msg;
	int family;
	struct nlattr *expressions;
};

enum { NFT_MAC = 6 };

struct nft_rule nft_rule_begin(const struct nft_table *table, const char *chain);
void nft_rule_not_from(struct nft_rule *r, const char *interface);
void nft_rule_source_in(struct nft_rule *r, const char *set);
/* The address and the port of a TCP or UDP packet, which has to be known to be one. */
void nft_rule_source_port_in(struct nft_rule *r, const char *set);
void nft_rule_destination_in(struct nft_rule *r, const char *set);
void nft_rule_protocol_is(struct nft_rule *r, uint8_t protocol);
void nft_rule_icmp_type_is(struct nft_rule *r, uint8_t type); /* of a rule for ICMP */
void nft_rule_sender_is(struct nft_rule *r, const unsigned char mac[static NFT_MAC]);
void nft_rule_no_track(struct nft_rule *r);
void nft_rule_drop(struct nft_rule *r);
void nft_rule_end(struct nft_batch *b, struct nft_rule *r);

/* Sends it, and empties it. Errors: the errno of the first thing that the kernel refused; -ENOENT
 * also where something to be deleted is not there. */
int nft_batch_commit(struct nft_batch *b, struct nl_sock *s, struct err *e);
