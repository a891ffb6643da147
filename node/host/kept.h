/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/netlink.h"
#include "table/content.h"
#include "table/edges.h"

/*
 * What the kernel keeps of our table (table/script.h), read back over netlink: who starts anew goes
 * on with it, and what somebody else did to it shows. `n` is of NETLINK_NETFILTER.
 */
struct kept {
	size_t n_rules, n_vips;
	struct edges sources; /* settled */
	struct plan *plan;
	struct ids ids;
};

/* Without a table there is nothing of anything. Errors: -EAGAIN as of netlink_ask. */
int kept_read(struct kept *ret, struct netlink *n, int family, struct err *e);
void kept_done(struct kept *k);

/* Whether it is a whole table with this content. */
bool kept_is(const struct kept *k, const struct content *c);

/* A number that changes with every transaction of anybody. */
int kept_generation(uint32_t *ret, struct netlink *n, struct err *e);
