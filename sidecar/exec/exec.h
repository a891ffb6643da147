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

/*
 * VIPs in a network that is told of them by a program of the user's (docs/exec.md), called for each
 * that begins or ends to be served here. Logs: exec.*, vip.told, vip.taken_back.
 */
struct exec;

struct exec_ops {
	/* exec_heard may be another one, or exec_report. */
	void (*on_change)(void *ud);
	/* It is gone, after exec_stop. */
	void (*on_stopped)(void *ud);
};

/*
 * `c` and `site` must outlive it. Errors: -EINVAL when the environment's NODE_NAME is no name that
 * could be given to the program.
 */
int exec_start(struct exec **ret, sd_event *loop, const struct config *c, const struct site *site,
	const struct exec_ops *ops, void *ud, struct err *e);
struct exec *exec_free(struct exec *x);
DEFINE_CLEANUP(struct exec *, exec_free);

/* The VIPs that the network shall know from now on; copied. */
void exec_offer(struct exec *x, const struct prefixes *offered);

/* What other pods of our node serve, which is not taken back; copied. */
void exec_spare(struct exec *x, const struct prefixes *others);

/*
 * We serve, and what was offered is all of it: what the network has of an earlier process and was
 * not offered can go. Without that it goes after node.grace.
 */
void exec_begin(struct exec *x);

/* What calls that succeeded have told, borrowed; and whether that is all that is offered. */
const struct prefixes *exec_heard(const struct exec *x);
bool exec_is_heard(const struct exec *x);

/*
 * {"pending":2,"failing":1,"error":"exit status 1"}, new: of how many VIPs the network is yet to be
 * told, and for how many of them the last call has failed, with the error of one of these.
 */
json_t *exec_report(const struct exec *x);

/* [{"vip":"10.1.1.1/32","wanted":true,"told":false,"error":"..."}], new. */
json_t *exec_report_vips(const struct exec *x);

/*
 * Takes all back, for node.drain at most since the last VIP was offered; `on_stopped` is called
 * once when that is done, perhaps before this returns.
 */
void exec_stop(struct exec *x);
