/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "l2/arp.h"
#include "l2/ndp.h"
#include "sockets/sockets.h"

/*
 * ARP and NDP as they pass on the node's interfaces: what is for all, for a group or for the node,
 * that is understood. Logs: l2.unsent.
 */
struct wire;

/* `index` is the interface's, `from` who sent it, which ARP says itself. */
struct wire_ops {
	void (*on_arp)(void *ud, int index, const struct arp *a);
	void (*on_ndp)(void *ud, int index, const struct mac *from, const struct ndp *n);
};

/* Takes its sockets out of `node`; `ops` are borrowed. */
int wire_open(struct wire **ret, sd_event *loop, struct sockets *node, const struct wire_ops *ops,
	void *ud, struct err *e);
struct wire *wire_close(struct wire *w);
DEFINE_CLEANUP(struct wire *, wire_close);

/* What cannot be sent is lost, as on any network. */
void wire_send_arp(struct wire *w, int index, const struct mac *to, const struct arp *a);
void wire_send_ndp(struct wire *w, int index, const struct mac *to, const struct ndp *n);

/*
 * Whether the interface takes frames to this address, too, from now on. Errors: those of
 * setsockopt(2).
 */
int wire_take_frames(struct wire *w, int index, const struct mac *group, bool takes);
