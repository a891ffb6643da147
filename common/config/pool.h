/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"

/* A pool of VIPs, as kago.yaml has it. Pure. */

struct config_range {
	struct ipaddr first, last; /* of one family; first <= last */
};

enum { CONFIG_RANGE_TEXT = 2 * IPADDR_TEXT };

/*
 * "ADDRESS/LENGTH", "FIRST-LAST" or one address; all of them unicast. Errors: -EINVAL with what
 * would be right.
 */
int config_range_parse(struct config_range *ret, const char *text, struct err *e);

/* "FIRST-LAST", or one address; returns ret_buf. */
const char *config_range_format(
	char ret_buf[static CONFIG_RANGE_TEXT], const struct config_range *r);

bool config_ranges_overlap(const struct config_range *a, const struct config_range *b);

struct config_pool {
	char *name; /* DNS label; no two pools have the same */
	struct config_range
		*ranges; /* in the order of the file; at least one; none overlaps another */
	size_t n_ranges;
	bool auto_assign;     /* for Services that name neither an address nor a pool; true */
	bool avoid_buggy_ips; /* never hands out IPv4 addresses that end in .0 or .255; false */
	char **namespaces;    /* that may use it; none: all */
	size_t n_namespaces;
	uint32_t per_namespace; /* addresses of it that one namespace may have; 0: any number */
	uint32_t per_service;   /* that one Service may have; 0: any number */
};

/* The pool that has this address, or NULL. */
const struct config_pool *config_pool_of(
	const struct config_pool pools[], size_t n_pools, const struct ipaddr *addr);

/* Whether Services of this namespace may use it. */
bool config_pool_allows(const struct config_pool *p, const char *ns);

void config_pool_done(struct config_pool *p);

/* How many addresses it has; for large ones of IPv6 this is not exact. */
double config_pool_size(const struct config_pool *p);
