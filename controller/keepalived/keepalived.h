/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "keepalived/line.h"

/*
 * keepalived as our child. Its lines join our log. When it ends it is started again with backoff;
 * it runs with --dont-release-ipvs, so the kernel's table stays and goes on forwarding whenever and
 * however it ends. One that was stopped and does not go on is killed, and started anew.
 */
struct keepalived;

struct keepalived_ops {
	/* It has read its file as it is now, at a start or a reload. */
	void (*on_loaded)(void *ud);
	/* It says something else that counts; `line` is borrowed. */
	void (*on_word)(void *ud, const struct keepalived_line *line);
	/* It ended after so many usec, without being told to; it will be started again. */
	void (*on_died)(void *ud, uint64_t ran_for);
};

/* `conf_path` is the file it reads; pid files go to `state_dir`. Nothing starts yet. */
int keepalived_new(struct keepalived **ret, sd_event *loop, const char *program,
	const char *conf_path, const char *state_dir, const struct keepalived_ops *ops, void *ud,
	struct err *e);

/* Starts it; the file must be there. */
void keepalived_start(struct keepalived *k);

/* Makes it read its file again: SIGHUP, or at once when it is up if it is not yet. */
void keepalived_reload(struct keepalived *k);

/* Ends it (SIGTERM, then SIGKILL) and starts it anew without a delay. */
void keepalived_restart(struct keepalived *k);

bool keepalived_is_up(const struct keepalived *k);

/* Whether it runs, for less than so many usec, and has not read its file yet. */
bool keepalived_is_starting(const struct keepalived *k, uint64_t within);

/* From the word that it reads its file anew to the word that it has. */
bool keepalived_is_reading(const struct keepalived *k);

/* How often it was started. */
uint64_t keepalived_starts(const struct keepalived *k);

/* Kills it if it runs. */
struct keepalived *keepalived_free(struct keepalived *k);
