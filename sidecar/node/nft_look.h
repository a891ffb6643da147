/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "node/nft_batch.h"

/*
 * What nftables has, over the socket of a batch (node/nft_batch.h) and with the errors of
 * netlink_ask. What is not there has nothing.
 */

/* A number that every transaction of anybody changes. */
int nft_look_generation(uint32_t *ret, struct nl_sock *s, struct err *e);

/* The names of all tables of a family. */
typedef void nft_name_fn(void *ud, const char *name);
int nft_look_tables(struct nl_sock *s, int family, nft_name_fn *found, void *ud, struct err *e);

/* How many rules a table has. */
int nft_look_rules(size_t *ret, struct nl_sock *s, const struct nft_table *table, struct err *e);

/* What a set has: addresses of the table's family, each with a port in a set of such, or 0. */
typedef void nft_element_fn(void *ud, const struct ipaddr *addr, uint16_t port);
int nft_look_set(struct nl_sock *s, const struct nft_table *table, const char *set,
	nft_element_fn *found, void *ud, struct err *e);
