/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "base/limits.h"

/*
 * Reads addresses of a pod or a node, as annotations of Leases have them (LEASE_POD_IPS,
 * LEASE_NODE_IPS) and the downward API gives them: "172.16.1.2,fd00::2", and none for "". Pure.
 * Errors: -EINVAL.
 */
int lease_addresses_parse(struct ipaddr ret[static LIMIT_LEASE_ADDRESSES], size_t *ret_n,
	const char *text, struct err *e);
