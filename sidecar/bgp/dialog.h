/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "announce/route.h"
#include "base/err.h"
#include "base/mem.h"
#include "bgp/exabgp_api.h"

/*
 * What exabgp is told over its API, and what it answers: one thing at a time. When there is nothing
 * to tell it, it is asked every few seconds all the same. One that refuses a route, or does not
 * answer, is in a state that nobody knows: nothing more is asked of it. Logs: exabgp.*.
 */
struct dialog;

/* What is said. PULSE: nothing, for a sign of life. RELOAD: read your file anew. */
enum dialog_topic { DIALOG_ROUTES, DIALOG_PULSE, DIALOG_RELOAD };

struct dialog_ops {
	/* exabgp is there. */
	void (*on_open)(void *ud);
	/* A session came, went, or may become one. */
	void (*on_session)(void *ud, const struct exabgp_api_event *ev);
	/* Peers have this now of a prefix; NULL: nobody has it. */
	void (*on_settled)(void *ud, const struct ipnet *net, const struct route *now);
	/* All that was said is answered, and more can be said. */
	void (*on_answered)(void *ud, enum dialog_topic topic);
	/* Nothing more is asked of this exabgp; it has to be killed. */
	void (*on_broken)(void *ud, const char *why);
};

int dialog_new(
	struct dialog **ret, sd_event *loop, const struct dialog_ops *ops, void *ud, struct err *e);
struct dialog *dialog_free(struct dialog *d);
DEFINE_CLEANUP(struct dialog *, dialog_free);

/* For one exabgp, that starts now. Errors: those of relay_listen. */
int dialog_listen(struct dialog *d, struct err *e);
/* It is gone. */
void dialog_end(struct dialog *d);
/* It goes on, and is asked nothing more. */
void dialog_give_up(struct dialog *d);

/* Whether exabgp has not come yet; whether it is there; whether it can be told something. */
bool dialog_is_awaited(const struct dialog *d);
bool dialog_is_open(const struct dialog *d);
bool dialog_is_free(const struct dialog *d);

/* Whether routes are told that are not answered yet. */
bool dialog_tells_routes(const struct dialog *d);

/* What brings it nearer from `taken` to `due`, withdrawals first; when it is free, and if anything
 * does. */
void dialog_tell(struct dialog *d, const struct routes_out *taken, const struct routes_out *due,
	const struct exabgp_api_peers *peers);

/* That it reads its file anew; when it is free. */
void dialog_reload(struct dialog *d);

/* The peers that it has had after the last time. */
const struct ipaddr *dialog_peers(const struct dialog *d, size_t *ret_n);
