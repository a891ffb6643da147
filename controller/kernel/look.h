/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "kernel/tables.h"

/*
 * A look at all that IPVS holds, in a forked child: it takes long where there is much. The child
 * sees what was wanted and known when it was made, so its answer may be old.
 */
struct look;

enum { LOOK_PLACES_MAX = 64 * 1024 }; /* that one look tells; the next one tells more */

struct look_spec {
	const struct virtual_server *const *servers;
	size_t n_servers;
	struct audit_ops ops; /* called in the child */
	void *ops_ud;
};

/*
 * `result` and `e` as in loop/errand.h; the places (audit.h) and what is found are valid until
 * look_free.
 */
struct look_found {
	size_t n_places;
	struct sketch tables; /* kernel/tables.h */
	struct place places[LOOK_PLACES_MAX];
};

typedef void look_fn(void *ud, int result, const struct look_found *found, const struct err *e);

/* `done` is called once, from the loop; it may call look_free. */
int look_start(struct look **ret, sd_event *loop, const struct look_spec *spec, look_fn *done,
	void *ud, struct err *e);

/* Ends it without calling `done`. */
struct look *look_free(struct look *l);
