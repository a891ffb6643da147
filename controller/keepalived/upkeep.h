/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/config.h"
#include "decide/fleet.h"

/*
 * Keeps keepalived's file at the newest decision, at the pace that health checks need: nobody waits
 * for it. A file is vetted, written apart, tested where the template is not the packaged one, put
 * in place, and keepalived told.
 *
 * Verdicts: a file or a shape of virtual server is *refused* only when keepalived says so of that
 * very input; a test or a write that was killed, late or could not be is *unknown*: the newest
 * decision stays pending and is tried again with backoff. A file that ends keepalived twice is
 * taken back, and what it had that the last good one had not is held back (suspects.h).
 * Logs: config.*, keepalived.*, service.*.
 */
struct upkeep;

struct upkeep_ops {
	/* A health check has taken a real server down, or up. */
	void (*on_health)(void *ud, const struct place *place, const struct ipaddr *addr,
		uint16_t port, bool up);
	/* keepalived may have changed what the kernel holds there. */
	void (*on_touched)(void *ud, const struct place *place);
	/* All health checks begin anew; with false none are made any more. */
	void (*on_checks)(void *ud, bool are_made);
	/* upkeep_status has something new. */
	void (*on_status)(void *ud);
};

struct upkeep_status {
	/* "idle": keepalived has the newest decision, or it was refused; "pausing": the next file
	 * waits for its turn; "vetting", "writing", "testing": it is made; "loading": keepalived
	 * was told of it and has not answered. Static. */
	const char *state;
	bool is_idle;
	const char *refusal; /* why the newest file is not in use; "" else */
	const char *unknown; /* why it could not be brought into use yet; "" else */
	uint64_t n_files;    /* that were put in place */
	uint64_t n_refused, n_unknown, n_config_tests, n_starts;
	size_t n_held_back; /* virtual servers that may be what ends keepalived */
	bool up;
};

/*
 * Reads the template; the first decision starts keepalived. `config` is borrowed. With
 * `write_only` there is no keepalived: the file is written, untested, and that is all.
 */
int upkeep_new(struct upkeep **ret, sd_event *loop, const struct config *config, bool write_only,
	const struct upkeep_ops *ops, void *ud, struct err *e);
struct upkeep *upkeep_free(struct upkeep *u);

/* What keepalived shall have from now on; takes a reference. */
void upkeep_want(struct upkeep *u, struct fleet *fleet);

struct upkeep_status upkeep_status(const struct upkeep *u);

/* Whether keepalived should run and does not: it has ended, or takes too long for its file. */
bool upkeep_lacks_keepalived(const struct upkeep *u);

/* Why there are no health checks of virtual servers like this one; NULL: there are. */
const char *upkeep_complaint(const struct upkeep *u, const struct virtual_server *vs);

/* Whether the template adds this real server to those of the virtual server (sorry_server). */
bool upkeep_is_spare(const struct upkeep *u, const struct virtual_server *vs,
	const struct ipaddr *addr, uint16_t port);
