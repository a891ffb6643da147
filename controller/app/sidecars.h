/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/listen.h"
#include "decide/fleet.h"
#include "lead/members.h"
#include "loop/scribes.h"
#include "report/snapshot.h"
#include "values/place.h"

/* The controller's end of the control socket: the sidecar's lifeline, and answers to `status` and
 * `explain`. */
struct sidecars;

struct sidecars_ops {
	/* These two are called in a child (loop/scribes.h). Writes a line, without its end, that
	 * is the answer to a status request. */
	void (*status)(void *ud, FILE *out);
	/* The answer to a request to explain this Service, and what becomes of a client's new
	 * connections; port 0: of nobody's. New. */
	json_t *(*explain)(void *ud, const char *ns, const char *name, const struct listen *client);
	/* These are not. Whether keepalived runs, if it should. */
	bool (*has_keepalived)(void *ud);
	/* The sidecar has said something new. */
	void (*on_announced)(void *ud);
	/* The last lifeline has ended. */
	void (*on_gone)(void *ud);
};

/* `socket` is the name of the control socket. `scribes` is borrowed. */
int sidecars_new(struct sidecars **ret, sd_event *loop, const char *socket, struct scribes *scribes,
	const struct sidecars_ops *ops, void *ud, struct err *e);
struct sidecars *sidecars_free(struct sidecars *s);

/* Tells sidecars, now and those to come, whether the kernel was seen to hold what was asked for. */
void sidecars_set_ready(struct sidecars *s, bool ready);

/*
 * Tells sidecars what Services say of routes, which has to come before what was decided comes into
 * the kernel. `before` is the decision before `now`; NULL: there was none.
 */
void sidecars_tell_routes(struct sidecars *s, const struct fleet *before, const struct fleet *now);

/*
 * Tells sidecars that the kernel's table has changed at these places, or may have anywhere when
 * there are none.
 */
void sidecars_tell_changed(struct sidecars *s, const struct place places[], size_t n_places);

/*
 * Tells sidecars, now and those to come, which pods are the fleet's living load balancers: of
 * `list` those that are no nodes. NULL: there is nobody to know others by, so ours is alone.
 */
void sidecars_tell_members(
	struct sidecars *s, const struct member_address list[], size_t n_addresses);

/* How many lifelines are open. */
size_t sidecars_count(const struct sidecars *s);

/* Borrowed, until the next turn of the loop. */
const struct sidecar_state *sidecars_state(const struct sidecars *s);
