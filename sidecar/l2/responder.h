/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "sockets/sockets.h"

/*
 * Answers for VIPs on the node's network, by ARP and NDP, on the interfaces of links_next
 * (l2/links.h), and makes known there that they are ours (l2/holdings.h). Nothing is added to the
 * node's interfaces, and nothing is left when the process ends. Somebody else who claims a VIP is
 * told of and not fought (l2/rival.h). Logs: l2.conflict, l2.conflict_over.
 */
struct responder;

/*
 * Takes its sockets out of `node`. on_change: interfaces, networks or conflicts have changed; none
 * of these functions calls it. `c` must outlive it. Errors: -ENOENT when `node` has no
 * such sockets, with what to do.
 */
int responder_open(struct responder **ret, sd_event *loop, struct sockets *node,
	const struct config *c, void (*on_change)(void *ud), void *ud, struct err *e);
struct responder *responder_close(struct responder *r);
DEFINE_CLEANUP(struct responder *, responder_close);

/*
 * Answers for these VIPs (/32, /128) from now on and for no others; new ones are made known.
 * Copied. The same as before costs next to nothing.
 */
void responder_set(struct responder *r, const struct prefixes *owned);

/*
 * The interface on which it answers for this VIP, the first if there are several; NULL: no network
 * of the node holds it. Borrowed until the next turn.
 */
const char *responder_interface(const struct responder *r, const struct ipaddr *vip);

/* Whose MAC claims the VIP, too, as text; NULL: nobody's. Borrowed until the next turn. */
const char *responder_rival(const struct responder *r, const struct ipaddr *vip);
