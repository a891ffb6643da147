/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "announce/grace.h"
#include "base/err.h"
#include "base/mem.h"
#include "control/told_route.h"
#include "values/place.h"

/*
 * The connection to the controller (loop/control.h), made again each second while it is away. As
 * long as it is open, a controller that was told to stop goes on forwarding. Logs: controller.*.
 */
struct lifeline;

struct lifeline_ops {
	/* The kernel holds what the controller asked for. */
	void (*on_ready)(void *ud);
	/* The kernel's table has changed at these places, or anywhere when there are none. */
	void (*on_changed)(void *ud, const struct place places[], size_t n_places);
	/*
	 * What Services say of routes. `all`: of no others than these. `gone`: whose Service is,
	 * and the route maybe not yet. Borrowed.
	 */
	void (*on_routes)(void *ud, bool all, const struct told_route routes[], size_t n_routes,
		const struct ipnet gone[], size_t n_gone);
	/* The controller is away, and tells of no change any more. */
	void (*on_lost)(void *ud);
	/*
	 * The pods of the fleet's living load balancers, this one's among them; none: nobody knows
	 * of others. Borrowed. NULL: it is of no interest.
	 */
	void (*on_members)(void *ud, const struct ipaddr addrs[], size_t n_addrs);
};

/* `socket` is the name of the controller's socket, borrowed. */
int lifeline_open(struct lifeline **ret, sd_event *loop, const char *socket,
	const struct lifeline_ops *ops, void *ud, struct err *e);
struct lifeline *lifeline_close(struct lifeline *l);
DEFINE_CLEANUP(struct lifeline *, lifeline_close);

/* Whether the controller is there. */
bool lifeline_is_up(const struct lifeline *l);
/* What is to be seen of it, and what it says of its parts. */
struct grace_facts lifeline_facts(const struct lifeline *l);

/* What the controller is to know of us. */
struct lifeline_report {
	const struct prefixes *announced; /* what some peer hears of us */
	size_t sessions, peers;           /* BGP sessions that are up, and those there should be */
	bool complete;                    /* all that this pod can serve is announced */
	json_t *bgp;    /* bgp_report_peers; NULL: there are no sessions yet; a reference */
	json_t *l2;     /* l2_report; NULL: there is no layer 2; a reference */
	json_t *exec;   /* exec_report; NULL: no program is called; a reference */
	json_t *config; /* how kago.yaml is in use; NULL: all of it is; a reference */
	bool waits;     /* for sockets in the node's network namespace; all else is 0 */
	/* Why nothing is announced although it could be (announce/grace.h), static; or NULL. */
	const char *suspended;
};

/*
 * Tells the controller, now and after each reconnection. What it was told already is not said
 * again. Consumes report->bgp, ->l2, ->exec and ->config.
 */
void lifeline_report(struct lifeline *l, const struct lifeline_report *report);
