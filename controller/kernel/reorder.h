/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * While real servers are moved in the kernel's list (differ_reorder), a packet may come for one
 * that is out for a moment. net.ipv4.vs.expire_nodest_conn=0 lets IPVS drop that packet, which its
 * sender repeats; with 1 the connection would end. Where the sysctl is 1 and cannot be written,
 * nothing is moved. It is written in /proc/sys, or in REORDER_SYSCTLS, where a container may have a
 * mount of the node's /proc/sys/net, in which everybody sees their own network namespace.
 */
#define REORDER_SYSCTLS "/host/sysctls"

bool reorder_is_possible(void);

/* Whether connections of a real server that is removed end at once: the sysctl is 1. */
bool reorder_ends_connections(void);

/* Between both the sysctl is 0. Errors: the errno of writing it; nothing is to be ended then. */
int reorder_begin(bool *ret_restore);
void reorder_end(bool restore);
