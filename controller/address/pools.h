/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/pool.h"
#include "objects/reason.h"
#include "objects/wish.h"

/* The pools of the configuration, made ready for many questions. Pure; all borrowed from them. */

struct pool {
	const struct config_pool *config;
	const char **namespaces;     /* sorted */
	struct config_range *ranges; /* sorted */
	bool has_v4, has_v6;
};

struct pool_range {
	const struct config_range *range;
	const struct pool *pool;
};

struct pools {
	struct pool *items; /* in the order of the configuration, which is that of preference */
	size_t n_items;
	struct pool_range *ranges; /* of all pools, sorted */
	size_t n_ranges;
};

void pools_init(struct pools *ret, const struct config_pool configs[], size_t n_configs);
void pools_done(struct pools *p);

/* The pool that has this address, or that has this name; NULL if there is none. */
const struct pool *pools_of(const struct pools *p, const struct ipaddr *addr);
const struct pool *pools_named(const struct pools *p, const char *name);

bool pool_allows(const struct pool *p, const char *ns);
bool pool_has_family(const struct pool *p, int family);

/* Whether the address is in a pool that the namespace may use. */
bool pools_allow(const struct pools *p, const struct ipaddr *addr, const char *ns);

/* Whether a Service of the namespace gets an address of the pool for this wish, if one is free. */
bool pool_fits(const struct pool *p, const struct wish *w, const char *ns);

/* Whether it is one that the pool avoids (avoidBuggyIPs). */
bool pool_avoids(const struct pool *p, const struct ipaddr *addr);

/* Why a wish cannot be fulfilled; {0}: it can. */
struct refusal {
	enum reason reason;
	char *message; /* for people: what and what would be right; owned */
};

/* Whether the pools refuse a wish, whatever others have. True if so. */
bool pools_refuse(struct refusal *ret, const struct pools *p, const struct wish *w, const char *ns);

/* For messages: the names of those that fit, such as "public, shop", or "none". */
char *pools_names(const struct pools *p, const struct wish *w, const char *ns)
	__attribute__((warn_unused_result));
