/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"

/*
 * exabgp's process: started, started again with backoff when it ends, stopped. Its lines join our
 * log. Logs: exabgp.*.
 */
struct exabgp_child;

struct exabgp_child_ops {
	/* It is time to start it anew: prepares that, and calls exabgp_child_start. */
	int (*launch)(void *ud, struct err *e);
	/* It has ended. Returns whether it shall be started again, which is logged here. */
	bool (*on_end)(void *ud, const char *status);
};

/* `c` and both paths are borrowed: our own executable, and the file that exabgp reads. */
int exabgp_child_new(struct exabgp_child **ret, sd_event *loop, const struct config *c,
	const char *program, const char *conf_path, const struct exabgp_child_ops *ops, void *ud,
	struct err *e);
/* Kills it, if it runs. */
struct exabgp_child *exabgp_child_free(struct exabgp_child *c);
DEFINE_CLEANUP(struct exabgp_child *, exabgp_child_free);

int exabgp_child_start(struct exabgp_child *c, size_t n_peers, struct err *e);
/* Unless it runs, or waits to be started. */
void exabgp_child_start_soon(struct exabgp_child *c);
bool exabgp_child_runs(const struct exabgp_child *c);

/* SIGKILL; what follows is done by on_end. Of one that does not run: nothing. */
void exabgp_child_kill(struct exabgp_child *c, const char *why);
/* SIGTERM, after 2 s SIGKILL; one that waits to be started is not. */
void exabgp_child_stop(struct exabgp_child *c);
