/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "table/content.h"

/*
 * The nftables commands that make and change our table, `ip kago-node` or `ip6 kago-node`: what
 * brings packets that load balancers send to a pod of this node, in a tunnel, to the pod's port.
 * Pure; all text is made of numbers and addresses. docs/node.md tells what the rules are for.
 */

#define SCRIPT_TABLE "kago-node"

/* The tunnel device of a family, its address, and the protocol of its packets. */
const char *script_device(int family);
const char *script_address(int family);
unsigned script_protocol(int family);

enum script_way {
	SCRIPT_OVER, /* into the table that is there, if any: each chain is changed in one step */
	SCRIPT_ANEW, /* that table goes in the same transaction: it may be made otherwise */
};

/* All of the table; new text. `mss`: the most that a client may be told by a pod. */
char *script_fill(int family, const struct content *c, unsigned mss, enum script_way way)
	__attribute__((warn_unused_result));

/* The chain that tells clients so, anew; new text. */
char *script_mss(int family, unsigned mss) __attribute__((warn_unused_result));

/* From one content to another; new text, or NULL if they are the same. */
char *script_change(int family, const struct content *from, const struct content *to)
	__attribute__((warn_unused_result));

/* The table goes, if it is there. */
char *script_remove(int family) __attribute__((warn_unused_result));

/* How many rules, and elements of the set or map `name`, the kernel has of such a table. */
enum { SCRIPT_RULES = 10 };
enum script_set { SCRIPT_PODS, SCRIPT_ENDPOINTS, SCRIPT_VIPS, SCRIPT_SOURCES, SCRIPT_N_SETS };
const char *script_set_name(enum script_set set);
size_t script_set_size(const struct content *c, enum script_set set);

/* The counters of such a table, by name; they go on when its chains are filled anew. */
#define SCRIPT_REFUSED "refused" /* tunnelled to a pod, from nobody who may send */
#define SCRIPT_DROPPED "dropped" /* came out of a tunnel, and no entry or connection is for it */
