/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "vrrp/roster.h"

/*
 * keepalived as our child, with VRRP alone: no checks, no IPVS. It has CAP_NET_RAW, for VRRP's own
 * protocol, and CAP_NET_ADMIN, for its addresses on lo. It tells by a FIFO of whom each share is.
 * When it ends it is started again with backoff. Logs: vrrp.*.
 *
 * Is it alive? A file that it watches changes each l2.interval; it reads it and says so by the
 * FIFO. Others take its shares over that miss three of its advertisements; so we give them up after
 * as long without such a word, however it hangs: stopped, looping, or without a processor. They are
 * ours again with its next word, which comes after all that it had to say before. One that stays
 * silent is killed, and so is one that does not read its file anew when it shall.
 *
 * Its state outlives SIGHUP: a reload moves no share. Priorities go by files of their own, which it
 * watches, too, so that one takes no reload.
 */
struct vrrp_child;

/* None of these may free it. */
struct vrrp_child_ops {
	/* vrrp_child_owned may be another one. */
	void (*on_change)(void *ud);
	/* It has begun to answer: all its instances wait for others' advertisements. */
	void (*on_up)(void *ud);
	/* It has ended, and is started again unless vrrp_child_end was called. */
	void (*on_end)(void *ud);
};

/* Reads the template. Nothing starts yet. `c` must outlive it. */
int vrrp_child_new(struct vrrp_child **ret, sd_event *loop, const struct config *c,
	const struct vrrp_child_ops *ops, void *ud, struct err *e);

/* Runs it with these peers from now on, of which there are some. Errors: it goes on as it was. */
int vrrp_child_run(struct vrrp_child *k, const struct roster *roster, struct err *e);

/* Shares that others may serve better: our priority for them is the lower one. */
void vrrp_child_impair(struct vrrp_child *k, uint32_t shares);

/*
 * Ends it (SIGTERM, then SIGKILL), so that others take over at once. Nothing is ours from here on.
 */
void vrrp_child_end(struct vrrp_child *k);

/* Whether there is a process. */
bool vrrp_child_is_there(const struct vrrp_child *k);

/* The shares that it says are ours; none while it is silent. */
uint32_t vrrp_child_owned(const struct vrrp_child *k);

/* Kills it if it runs. */
struct vrrp_child *vrrp_child_free(struct vrrp_child *k);
DEFINE_CLEANUP(struct vrrp_child *, vrrp_child_free);
