/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address/holders.h"
#include "address/pools.h"

/*
 * Where pools have free addresses. What lies below the lowest one is remembered, so that however
 * large a range is, no address is looked at twice.
 */
struct vacancy;

/* Both are borrowed. */
struct vacancy *vacancy_new(const struct pools *pools, const struct holders *holders)
	__attribute__((warn_unused_result));
struct vacancy *vacancy_free(struct vacancy *v);
DEFINE_CLEANUP(struct vacancy *, vacancy_free);

/* Who looks for an address. */
struct vacancy_search {
	const struct wish *wish;
	const char *ns;
	/* Whether it may have one more of a pool. */
	bool (*may_have)(void *ud, const struct pool *pool);
	void *ud;
};

/* The lowest free address of the first pool that fits the wish, has one and may be used. */
bool vacancy_find(
	struct ipaddr *ret, struct vacancy *v, const struct vacancy_search *s, int family);

/* Has to be told of each address that becomes free. */
void vacancy_released(struct vacancy *v, const struct ipaddr *addr);

/* How many addresses of a family the pools have that fit the wish; at most UINT64_MAX. */
uint64_t vacancy_size(const struct pools *p, const struct wish *w, const char *ns, int family);
