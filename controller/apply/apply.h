/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "clients/ruleset.h"
#include "config/config.h"
#include "keepalived/plan.h"
#include "net/ipvs.h"

/*
 * Brings fleets into the kernel, one after the other: config test where it protects something,
 * guard against clients that may not, write, SIGHUP, verify. The first change goes at once, later
 * ones with the configured gap between them, and of fleets that come in between only the last
 * counts. What fails leaves the last good state forwarding. docs/design.md, "Applying", tells the
 * whole way.
 */
struct apply;

struct apply_ops {
	/* apply_status has something new. */
	void (*on_status)(void *ud);
};

struct apply_status {
	bool ready;   /* the kernel was seen to hold a plan, since we started */
	bool settled; /* it does now, as far as the last look tells */
	/* "none", "applied", "unchanged", "refused", "mismatch"; without IPVS "rendered" in place
	 * of "applied"; static */
	const char *last_result;
	char last_error[256];          /* of "refused" and "mismatch"; "" else */
	uint64_t last_applied_at;      /* CLOCK_REALTIME usec of the last "applied"; 0: never */
	uint64_t last_event_to_kernel; /* usec */
	uint64_t sum_event_to_kernel;  /* usec, over all of n_applied */
	uint64_t n_applied;            /* settled changes; those of last_result "applied" */
	uint64_t n_unchanged, n_refused, n_mismatches, n_config_tests;
	uint64_t keepalived_starts;
	bool keepalived_up;
	size_t down; /* real servers that a health check has set to weight 0, at the last look */
};

/*
 * Reads the template and prepares; the first apply_submit starts keepalived. Until then a table
 * that a predecessor left in the kernel goes on forwarding. `config`, `ipvs` and `ruleset` are
 * borrowed. With the last two NULL there is no keepalived: a change ends with the file written, at
 * once and untested, and the status has "file" for "kernel".
 */
int apply_new(struct apply **ret, sd_event *loop, const struct config *config, struct ipvs *ipvs,
	struct ruleset *ruleset, const struct apply_ops *ops, void *ud, struct err *e);
struct apply *apply_free(struct apply *a);

/* Consumes `fleet`. `event_time`: loop time of the change that led to it. */
void apply_submit(struct apply *a, struct fleet *fleet, uint64_t event_time);

struct apply_status apply_status(const struct apply *a);

/* The plan in keepalived.conf now; NULL before the first. */
const struct plan *apply_current(const struct apply *a);

/* The newest fleet that was submitted, applied or not; NULL before the first. */
const struct fleet *apply_newest(const struct apply *a);

/* Why keepalived refuses virtual servers like this one; NULL when it does not. */
const char *apply_complaint(const struct apply *a, const struct virtual_server *vs);
