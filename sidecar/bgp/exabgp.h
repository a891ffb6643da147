/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "announce/route.h"
#include "bgp/exabgp_api.h"
#include "bgp/sessions.h"
#include "config/config.h"
#include "node/site.h"

/*
 * exabgp as our child, kept announcing what it is told to. It is started again when it ends; then,
 * and whenever a peer comes back, everything is announced anew. Its end, however it comes about,
 * closes the BGP sessions, which withdraws everything; so it is killed when it refuses a command,
 * or does not answer. When there is nothing to tell it, it is asked every few seconds all the same.
 * Logs: exabgp.*, bgp.*.
 */
struct exabgp;

struct exabgp_ops {
	/* A session came or went, or exabgp has taken what it was told: what peers hear of us may
	 * be something else now. */
	void (*on_change)(void *ud);
	/* The peers are others now: they have to be told their routes (exabgp_announce). */
	void (*on_peers)(void *ud);
	/* It is gone, after exabgp_stop. */
	void (*on_stopped)(void *ud);
};

/*
 * `c`, `p` and whatever peers `c` ever had must outlive it. Errors: those of exabgp_conf_view and
 * exabgp_conf_write, of reading the template, and of starting a program.
 */
int exabgp_start(struct exabgp **ret, sd_event *loop, const struct config *c, const struct site *p,
	const struct exabgp_ops *ops, void *ud, struct err *e);

/*
 * What `c` says of peers is in use from now on, as soon as a second exabgp has said that it takes
 * it. A session whose peer is as before goes on; one that is other than before is closed and made
 * anew. What cannot be is logged (bgp.refused), and the peers before stay.
 */
void exabgp_follow(struct exabgp *x);

/* Those in use, in the order of which peer_set is. */
const struct exabgp_api_peers *exabgp_peers(const struct exabgp *x);

/* Why others are not in use, that kago.yaml says; "": they are. */
const char *exabgp_why_refused(const struct exabgp *x);

/* The routes that peers shall have from now on; the set is copied. */
void exabgp_announce(struct exabgp *x, const struct routes_out *wanted);

/* Its sessions, and what exabgp said it announces to whom; borrowed. */
const struct sessions *exabgp_all_sessions(const struct exabgp *x);
const struct routes_out *exabgp_taken(const struct exabgp *x);

/* How many BGP sessions are up. */
size_t exabgp_sessions(const struct exabgp *x);

/*
 * What some peer hears of us: what exabgp said it took for one whose session is up, and did not yet
 * say it withdrew. Borrowed.
 */
const struct prefixes *exabgp_heard(const struct exabgp *x);
/* Whether that is all that shall be announced, and exabgp has said that it took it. */
bool exabgp_is_heard(const struct exabgp *x);

/*
 * SIGTERM, after 2 s SIGKILL; `on_stopped` is called once when it is gone, perhaps before this
 * returns. Nothing is started again.
 */
void exabgp_stop(struct exabgp *x);

struct exabgp *exabgp_free(struct exabgp *x);
