/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdint.h>

#include "base/mem.h"
#include "bgp/sessions.h"
#include "config/config.h"
#include "node/site.h"

/*
 * Whether the node hides the pod's address from BGP peers, as CNI plugins do with what leaves the
 * cluster: the node's connection tracking says so, of sessions and of attempts. What is hidden by
 * others than netfilter, or beyond the node, is not known here, and nothing is said of it. Logs:
 * bgp.masqueraded, bgp.own_address.
 */
struct masquerade;

/* Consumes the socket, of NETLINK_NETFILTER in the node's namespace; borrows `site`. */
struct masquerade *masquerade_new(struct nl_sock *tracking, const struct site *site)
	__attribute__((warn_unused_result));
struct masquerade *masquerade_free(struct masquerade *m);
DEFINE_CLEANUP(struct masquerade *, masquerade_free);

/*
 * Asks about one peer at most: each session once, and a peer without one now and then in its first
 * two minutes. To be called every second; `now` is CLOCK_MONOTONIC in usec. `m` may be NULL.
 */
void masquerade_look(struct masquerade *m, const struct sessions *s, uint64_t now);
