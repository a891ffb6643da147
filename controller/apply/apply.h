/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "clients/ruleset.h"
#include "config/config.h"
#include "keepalived/upkeep.h"
#include "kernel/program.h"
#include "kernel/timeouts.h"
#include "net/ipvs_write.h"

/*
 * Carries decisions out: what changed goes into IPVS at once (kernel/program.h), but nothing is
 * added before nftables keeps out clients that may not use it (clients/ruleset.h); keepalived's
 * file follows (keepalived/upkeep.h). Only the newest decision counts, and none is forgotten: what
 * could not be done is tried again until it is. docs/design.md, "Applying", tells the whole way.
 */
struct apply;

struct apply_ops {
	/* apply_status has something new. */
	void (*on_status)(void *ud);
	/* IPVS may hold something else now at these places; with none: anywhere. */
	void (*on_changed)(void *ud, const struct place places[], size_t n_places);
	/* As struct program_ops has it. */
	void (*on_refused)(void *ud, const struct virtual_server *vs, const struct ipvs_op *op);
	/* The same. */
	void (*on_tables)(void *ud, const struct sketch *tables);
};

struct apply_status {
	bool ready;   /* the kernel was seen to hold all it takes of a decision, since we started */
	bool settled; /* it does now, as far as the last look tells */
	/* "none", "applied", "unchanged", "mismatch"; without IPVS "rendered" in place of
	 * "applied"; static */
	const char *last_result;
	char last_error[ERR_MSG_SIZE]; /* of "mismatch"; "" else */
	uint64_t last_applied_at;      /* CLOCK_REALTIME usec of the last "applied"; 0: never */
	uint64_t last_event_to_kernel; /* usec */
	uint64_t sum_event_to_kernel;  /* usec, over all of n_applied */
	uint64_t n_applied;            /* settled changes; those of last_result "applied" */
	uint64_t n_unchanged, n_mismatches, n_operations;
	size_t down;                     /* real servers that a health check has taken down */
	struct timeouts_status timeouts; /* all 0 without IPVS */
	struct upkeep_status keepalived;
};

/*
 * Prepares; the first apply_submit starts keepalived. Until then a table that a predecessor left in
 * the kernel goes on forwarding. `config`, `ipvs` and `ruleset` are borrowed. With the last two
 * NULL there is no keepalived: a change ends with the file written, untested, and the status has
 * "file" for "kernel".
 */
int apply_new(struct apply **ret, sd_event *loop, const struct config *config, struct ipvs *ipvs,
	struct ruleset *ruleset, const struct apply_ops *ops, void *ud, struct err *e);
struct apply *apply_free(struct apply *a);

/* The configuration has changed. */
void apply_configure(struct apply *a, const struct config *config);

/* Consumes `fleet`. `event_time`: loop time of the change that led to it; 0: now. */
void apply_submit(struct apply *a, struct fleet *fleet, uint64_t event_time);

struct apply_status apply_status(const struct apply *a);

/* The newest fleet that was submitted, applied or not; NULL before the first. */
struct fleet *apply_newest(const struct apply *a);

/* As upkeep_lacks_keepalived. */
bool apply_lacks_keepalived(const struct apply *a);

/* Why there are no health checks of virtual servers like this one; NULL when there are. */
const char *apply_complaint(const struct apply *a, const struct virtual_server *vs);
