/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/limits.h"
#include "check/findings.h"
#include "config/config.h"

/*
 * `announce: l2`, as far as it can be seen from the pod: VIPs have to be of a network of the node,
 * of which no more than addresses of the node itself is known here.
 */
struct layer2_facts {
	struct ipaddr node[LIMIT_LEASE_ADDRESSES]; /* the node's addresses, from the environment */
	size_t n_node;                             /* 0: not known */
};

/* Says nothing with `announce: bgp`. */
void layer2_judge(struct findings *f, const struct layer2_facts *l, const struct config *c);
