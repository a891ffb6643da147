/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/netlink.h>
#include <stdint.h>

#include "announce/announce.h"
#include "announce/places.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/slot.h"

/*
 * Rules of nftables in the node's namespace, for VIPs with tunnels. Replies of pods do not pass
 * this node, or pass it on their own, so that its conntrack would see half of each connection, and
 * call the rest invalid, which kube-proxy and others drop: packets to and from these VIPs are not
 * tracked, nor what tells clients over IPv6 of smaller packets. And a pod that dies loses IPVS
 * before its interface: what its TCP then says to clients would end their connections, so that
 * nothing it sends from a virtual server's VIP and port gets through, where that VIP has nothing
 * but tunnels. From other ports of it the pod's TCP says that nobody is there.
 *
 * They are in a table "ip kago-lb-N", those of IPv6 in "ip6 kago-lb-N", where N is our metric
 * (node/slot.h). What a sidecar that was killed leaves there holds for the packets of all: none of
 * its VIPs is tracked, and its pod's TCP is dropped. So it goes as routes of nobody do, by the next
 * sidecar that starts there, or by one that runs. Logs: strays.*.
 */
struct strays;

/* Consumes the socket, of NETLINK_NETFILTER in the node's namespace. */
struct strays *strays_new(struct nl_sock *netfilter) __attribute__((warn_unused_result));
struct strays *strays_free(struct strays *s);
DEFINE_CLEANUP(struct strays *, strays_free);

/*
 * These VIPs have tunnels, and these of them nothing else; `places` are the virtual servers that
 * there are. `metric` is ours now. Does nothing if nothing has changed; a failure is logged, and
 * tried again at the next call. `s` may be NULL.
 */
void strays_set(struct strays *s, uint32_t metric, const struct prefixes *some,
	const struct prefixes *only, const struct places *places);

/*
 * Looks whether anybody else has changed nftables since the last look, and if so, whether what was
 * set is there still: the next strays_set makes good what is not. `s` may be NULL.
 */
void strays_look(struct strays *s);

/*
 * Removes tables whose metric nobody holds, but for ours. `others` are as of just now, for a
 * newcomer may take such a metric: its next strays_look sees what it has lost. `s` may be NULL.
 */
void strays_purge(struct strays *s, const struct slot_view *others);

/* Takes all rules away. `s` may be NULL. */
void strays_remove(struct strays *s);
