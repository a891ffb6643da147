/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "values/ipaddr.h"

/*
 * Reads addresses of a pod or a node, as annotations of Leases have them (LEASE_POD_IPS,
 * LEASE_NODE_IPS) and the downward API gives them: "172.16.1.2,fd00::2", and none for "". Pure.
 * Errors: -EINVAL.
 */
int lease_addresses_parse(struct ipaddr ret[static LIMIT_LEASE_ADDRESSES], size_t *ret_n,
	const char *text, struct err *e);

/* Those of a Lease as it was last seen; `{0}`: none. */
struct lease_addresses {
	char *text;
	struct ipaddr items[LIMIT_LEASE_ADDRESSES];
	size_t n_items;
};

/*
 * These from now on; none if the text is unreadable, which is in *e then, once. True: they are
 * others.
 */
bool lease_addresses_set(struct lease_addresses *a, const char *text, struct err *e);
void lease_addresses_done(struct lease_addresses *a);
