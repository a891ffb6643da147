/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "plan/doors.h"

/*
 * The nftables commands that make a second table, `ip kago-second`: a TCP packet that a load
 * balancer has sent here, and whose connection this node does not know, goes on to other nodes that
 * have pods of the Service (plan/doors.h), in a tunnel again, until one of them knows it. Pure; all
 * text is made of numbers and addresses. docs/node.md tells what the rules are for.
 */

#define SECOND_TABLE "kago-second"

enum {
	SECOND_RULES = 5,
	SECOND_RATE = 20 * 1000, /* packets a second that a node sends on; others are as new */
};

/* All of the table, in place of the one that is there, in one transaction; new text. */
char *second_fill(const struct doors *d) __attribute__((warn_unused_result));

/* The table goes, if it is there. */
char *second_remove(void) __attribute__((warn_unused_result));

/* How many elements the kernel has of such a table's maps, by name. */
enum second_map { SECOND_FIRSTS, SECOND_NEXTS, SECOND_DOORS, SECOND_N_MAPS };
const char *second_map_name(enum second_map map);
size_t second_map_size(const struct doors *d, enum second_map map);

/* The counter of such a table: packets that were sent on. */
#define SECOND_ONWARD "onward"
