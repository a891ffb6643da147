/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "bgp/peering.h"
#include "config/config.h"
#include "doc/mustache.h"
#include "node/site.h"

/*
 * What kago.yaml says of BGP sessions until it is in use: a second exabgp is asked first whether it
 * takes it. Where that says nothing it is asked again. Logs: bgp.refused, bgp.accepted,
 * bgp.unchecked.
 */
struct candidate;

/* What outlives it. */
struct candidate_origin {
	const struct config *config;
	const struct site *site;
	const struct mustache *template;
	const struct passwords *passwords;
	const char *program, *path; /* our own executable; that of the file which is checked */
};

/* `on_good`: there is one that exabgp takes; perhaps from within candidate_propose. */
int candidate_new(struct candidate **ret, sd_event *loop, const struct candidate_origin *origin,
	void (*on_good)(void *ud), void *ud, struct err *e);
struct candidate *candidate_free(struct candidate *k);
DEFINE_CLEANUP(struct candidate *, candidate_free);

/* What the configuration says now, in the place of what it said before; `in_use` is borrowed. */
void candidate_propose(struct candidate *k, const struct peering *in_use);

/* Whether there is one that exabgp takes. */
bool candidate_is_good(const struct candidate *k);
struct peering candidate_take(struct candidate *k);

/* Why the last one cannot be used; "": nothing is wrong with it. */
const char *candidate_why_refused(const struct candidate *k);
