/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "announce/book.h"
#include "base/err.h"
#include "config/config.h"
#include "lifeline.h"
#include "node/site.h"
#include "sockets/sockets.h"

/*
 * Who tells the network where VIPs are: by BGP exabgp does, and BIRD beside it where there is BFD;
 * on layer 2 (l2/l2.h) we do, for some of what we can serve; else a program of the user's does
 * (exec/exec.h). Logs: what theirs do.
 */
struct speaker;

struct speaker_ops {
	/* What the network hears of us may be something else now, or how sessions are. */
	void (*on_change)(void *ud);
	/* Others listen now, who have to be told (speaker_announce). */
	void (*on_listeners)(void *ud);
	/* It is gone, after speaker_stop. */
	void (*on_stopped)(void *ud);
};

/* Takes its sockets out of `node`, which may have none. `c` and `site` must outlive it. */
int speaker_start(struct speaker **ret, sd_event *loop, struct sockets *node,
	const struct config *c, const struct site *site, const struct speaker_ops *ops, void *ud,
	struct err *e);
struct speaker *speaker_free(struct speaker *s);

/* `c` is another one than before. */
void speaker_follow(struct speaker *s);

/* What the network shall hear from now on, and with which attributes; both are copied. */
void speaker_announce(struct speaker *s, const struct prefixes *announced, const struct book *book);

/*
 * All VIPs that IPVS has, and whether we serve at all: who serves little has others go first on
 * layer 2, and who serves nothing yet tells no program what is all. To be called after each
 * speaker_announce.
 */
void speaker_weigh(struct speaker *s, const struct vips *vips, bool serves);

/* What other pods of this node have routes for; copied. */
void speaker_set_others(struct speaker *s, const struct prefixes *others);

/* The pods of all living load balancers, ours among them; copied. */
void speaker_set_members(struct speaker *s, const struct ipaddr pods[], size_t n_pods);

/* What it hears, borrowed; and whether that is all that it shall. */
const struct prefixes *speaker_heard(const struct speaker *s);
bool speaker_is_heard(const struct speaker *s);

/* To be called each second. `now` is CLOCK_MONOTONIC in usec. */
void speaker_look(struct speaker *s, uint64_t now);

/* Fills in what the controller is to know of it; lifeline_report consumes what it gets. */
void speaker_report(const struct speaker *s, struct lifeline_report *r);

/* Why exabgp does not take what kago.yaml says of peers; "": it does, or there are none. */
const char *speaker_why_refused(const struct speaker *s);

/* Adds "peers", "routes" and "refused", or "l2" or "exec" and "vips" (docs/sidecar.md). */
void speaker_status(const struct speaker *s, json_t *status);

/* `on_stopped` is called once when it is gone, perhaps before this returns. */
void speaker_stop(struct speaker *s);
