/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "clients/guards.h"
#include "doc/mustache.h"

/*
 * The nftables template and nftables itself. These functions block; libnftables, what it needs, the
 * view and the text would make a sixth of the controller's memory and more, so those that take a
 * `const void *` are for apart(): they end the process if it takes minutes.
 */

/* The family and name of our table, which templates get as {{table}}. */
#define NFT_TABLE "inet kago"

struct nft_order {
	const struct mustache *template;
	const struct guards *guards;
};

/* The filled template, in a new string. Pure. Errors: -EFBIG over LIMIT_NFT_SOURCES. */
int nft_fill(
	char **ret_text, const struct mustache *template, const struct guards *g, struct err *e);

/*
 * Puts what the template of a struct nft_order makes of its guards in the place of what the table
 * held, in one transaction. Errors: -EINVAL with the line of the filled template that is wrong, or
 * what the kernel refused.
 */
int nft_put(const void *arg, struct err *e);

/*
 * Checks the template with virtual servers of all kinds, then nft_put; but a table that is there
 * stays as it is, which 1 says. Errors: also -EINVAL for a template that restricts no clients.
 */
int nft_set_up(const void *arg, struct err *e);

/*
 * The first half of nft_set_up: the template of a struct nft_order is checked, and nothing is put
 * anywhere. That nft takes it does not mean that the kernel does.
 */
int nft_check(const void *arg, struct err *e);

/*
 * Whether the kernel takes the kinds of chains and expressions that the packaged template uses,
 * which loads their modules. They are in a table of another name that is made and removed in one
 * transaction, so that no packet meets them; needs no `arg`.
 */
int nft_try(const void *arg, struct err *e);

/* Removes the table; needs no `arg`. Gone already is success. */
int nft_remove(const void *arg, struct err *e);

/*
 * A number of 31 bits that changes with what the table holds, but for counters; needs no `arg`.
 * Errors: -ENOENT when there is no table.
 */
int nft_digest(const void *arg, struct err *e);
