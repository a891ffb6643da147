/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "bgp/candidate.h"
#include "bgp/dialog.h"
#include "bgp/exabgp_child.h"
#include "bgp/sessions.h"
#include "bgp/told.h"

/*
 * Which peers exabgp has. One that runs is brought to others without the end of a session whose
 * peer is as before, in one or two steps: a file, and the word to read it. It is also made to
 * forget peers that are lost for a while, since it asks them ever less often. Logs: bgp.*.
 */
struct following;

/* What it works on; all outlive it. */
struct following_parts {
	const struct exabgp_child *child;
	struct dialog *dialog;
	struct sessions *sessions;
	struct told *told;
};

struct following_ops {
	/* The peers in use are others now. */
	void (*on_peers)(void *ud);
	/* exabgp has not done as it was told, and has to be killed. */
	void (*on_broken)(void *ud, const char *why);
};

/* `conf_path` is of the file that exabgp reads. Consumes `first`, what is in use at the start. */
int following_new(struct following **ret, sd_event *loop, struct peering *first,
	const struct candidate_origin *origin, const char *conf_path,
	const struct following_parts *parts, const struct following_ops *ops, void *ud,
	struct err *e);
struct following *following_free(struct following *f);
DEFINE_CLEANUP(struct following *, following_free);

/* The configuration may say something else of peers now. */
void following_propose(struct following *f);
/* No others come into use any more. */
void following_stop(struct following *f);

const struct peering *following_peering(const struct following *f);
const char *following_why_refused(const struct following *f);

/* Whether exabgp has yet to come to the peers in use. */
bool following_is_under_way(const struct following *f);

/* Goes on if exabgp can be told something now; returns whether it is being told. */
bool following_go_on(struct following *f);

/* exabgp has come; has read what it was told to; is gone. */
void following_on_open(struct following *f);
/* Returns whether nothing is left to do. */
bool following_on_read(struct following *f);
void following_on_end(struct following *f);
/* A peer that was up is lost. */
void following_on_lost(struct following *f);
