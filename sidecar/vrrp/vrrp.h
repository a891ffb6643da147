/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/mem.h"
#include "config/config.h"
#include "node/site.h"
#include "values/ipaddr.h"

/*
 * Which shares of the VIPs are ours, by VRRP with the other load balancers of the fleet. Sets of
 * shares (vrrp/share.h) are bits. Logs: vrrp.*.
 *
 * We begin a second after our own address was seen among the members, for the others have heard of
 * us by then. Who has been alone owns all, without VRRP. When others come it keeps what it has
 * until VRRP has had its say, since nobody else owns it: they begin a second after they were seen,
 * too. Who is no member any more is still spoken with for a while (vrrp/former.h).
 *
 * Who has a share keeps it until somebody with a higher priority comes, who then takes it over
 * within a moment: a start of ours takes nothing before we could have it.
 */
struct vrrp;

struct vrrp_ops {
	/* vrrp_owned is another one. */
	void (*on_change)(void *ud);
	/* It is gone, after vrrp_stop. It may be freed from here. */
	void (*on_stopped)(void *ud);
};

/* It takes no part before vrrp_take_part, nor before it knows the members. `c` and `site` must
 * outlive it. Errors: of the template, or that l2.stateDir cannot be written to. */
int vrrp_start(struct vrrp **ret, sd_event *loop, const struct config *c, const struct site *site,
	const struct vrrp_ops *ops, void *ud, struct err *e);

/*
 * The pods of all living load balancers, ourselves among them, as the controller tells; none means
 * that there are no others to be known of. Copied. A list without us gives all shares away.
 */
void vrrp_set_members(struct vrrp *v, const struct ipaddr addrs[], size_t n_addrs);

/* Shares that others may serve better than we can. If nobody can, the order stays. */
void vrrp_set_impaired(struct vrrp *v, uint32_t shares);

/*
 * Whether we take part at all. False, as at first, gives all shares away: none is ours as soon as
 * this returns, and others have them within two tenths of a second.
 */
void vrrp_take_part(struct vrrp *v, bool takes_part);

uint32_t vrrp_owned(const struct vrrp *v);

/* Gives all away and ends; on_stopped follows, perhaps before this returns. */
void vrrp_stop(struct vrrp *v);

/* Kills keepalived if it runs. */
struct vrrp *vrrp_free(struct vrrp *v);
DEFINE_CLEANUP(struct vrrp *, vrrp_free);
