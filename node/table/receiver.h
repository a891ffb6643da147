/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "values/ipaddr.h"

/*
 * The nftables commands for a pod that takes tunnels itself: a table `ip kago-realserver` (`ip6
 * kago-realserver`) in its network namespace, whose tunnel device (table/script.h) has the VIPs.
 * Pure; all text is made of numbers and addresses. docs/realserver.md tells what the rules are for.
 */

#define RECEIVER_TABLE "kago-realserver"

/* Of both families; what is not of the one in question is passed over. */
struct receiver {
	const struct ipaddr *vips; /* no two alike */
	size_t n_vips;
	const struct ipnet *sources; /* that may send; settled; none: all may */
	size_t n_sources;
	const struct ipaddr *own; /* the pod's, at least one of a family that has VIPs */
	size_t n_own;
	uint16_t gue_port; /* UDP's; 0: none */
	unsigned mtu;      /* of the pod's interfaces */
};

/* The largest segment that fits into a tunnel to this pod. */
unsigned receiver_mss(const struct receiver *r, int family);

/* All of the table, in place of the one that is there, in one transaction; new text. */
char *receiver_script(const struct receiver *r, int family) __attribute__((warn_unused_result));
