/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "node/site.h"
#include "sockets/sockets.h"

/*
 * VIPs on the node's own network, without a router that is told: what this load balancer can serve
 * (offered) and whose share is ours (vrrp.h) is answered for (responder.h). Logs: vip.taken,
 * vip.left, vip.nowhere and what theirs do.
 */
struct l2;

struct l2_ops {
	/* l2_heard may be another one, or l2_report. */
	void (*on_change)(void *ud);
	/* It is gone, after l2_stop. */
	void (*on_stopped)(void *ud);
};

/* Takes its sockets out of `node`. `c` and `site` must outlive it. Errors: -EPERM when `node` has
 * no sockets for this, with the capability that is missing. */
int l2_start(struct l2 **ret, sd_event *loop, struct sockets *node, const struct config *c,
	const struct site *site, const struct l2_ops *ops, void *ud, struct err *e);
struct l2 *l2_free(struct l2 *l);
DEFINE_CLEANUP(struct l2 *, l2_free);

/* The pods of all living load balancers, ours among them; copied. */
void l2_set_members(struct l2 *l, const struct ipaddr pods[], size_t n_pods);

/* The VIPs that are ours to answer for from now on, where their share is; copied. */
void l2_offer(struct l2 *l, const struct prefixes *offered);

/*
 * How fit we are: the VIPs that IPVS has, of which some may not be offered, and whether we take
 * part at all.
 */
void l2_weigh(struct l2 *l, const struct vips *vips, bool takes_part);

/* What is answered for, borrowed. */
const struct prefixes *l2_heard(const struct l2 *l);

/* Whether that is all whose share is ours. */
bool l2_is_heard(const struct l2 *l);

/*
 * {"shares":2,"owned":[3,9],"changes":[0,0,0,1,...],"interfaces":["eth0"],
 *  "rivals":[{"vip":"10.0.0.9","interface":"eth0","rival":"02:00:00:00:00:07"}]}, new:
 * how many shares are ours, which, and how often each of the 16 came or went; where their VIPs are
 * answered for, and those VIPs of them for which somebody else answers, too, up to
 * LIMIT_L2_RIVALS: any host of the network can claim them all.
 */
json_t *l2_report(const struct l2 *l);

/* Each VIP whose share is ours, as above; "interface" and "rival" where there are any. New. */
json_t *l2_report_vips(const struct l2 *l);

/* Gives all away; `on_stopped` is called once when that is done, perhaps before this returns. */
void l2_stop(struct l2 *l);
