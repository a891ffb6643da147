/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"

/*
 * A number for each pod of a node, by which a packet remembers its pod while its outer header goes:
 * the mark. 14 bits, clear of those that kube-proxy uses. It is the end of the pod's address if
 * nobody has that, so a program that starts anew gives the same numbers: a packet that is on its
 * way meanwhile still finds its pod. Pure.
 */
enum { IDS_MAX = (1 << 14) - 1 };

struct id {
	struct ipaddr addr;
	uint16_t id; /* 1 to IDS_MAX */
};

struct ids {
	struct id *items; /* sorted by address */
	size_t n_items;
};

/*
 * Those of these addresses, which are sorted and no two alike; who is in `before` keeps its number.
 * Errors: -EFBIG for more than IDS_MAX.
 */
int ids_next(struct ids *ret, const struct ids *before, const struct ipaddr addrs[], size_t n,
	struct err *e);
void ids_done(struct ids *ids);

/* 0: it has none. */
uint16_t ids_find(const struct ids *ids, const struct ipaddr *addr);
