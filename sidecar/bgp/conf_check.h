/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"

/*
 * Asks a second exabgp, which ends at once, whether it takes a file. The one that runs must never
 * be given a file that is wrong: 4.2 keeps its sessions then, and takes no other file any more.
 */
struct conf_check;

enum conf_verdict {
	CONF_GOOD,
	CONF_REFUSED,
	CONF_UNKNOWN, /* it was killed, or took too long: that says nothing of the file */
};

/*
 * `program` is what the file says of our own executable. `told` is called once, and may free it.
 * `why` is what exabgp said, and "" of a good file; no line with a password is in it.
 */
int conf_check_start(struct conf_check **ret, sd_event *loop, const struct config *c,
	const char *path, const char *program,
	void (*told)(void *ud, enum conf_verdict verdict, const char *why), void *ud,
	struct err *e);
/* Ends it, if it still runs. */
struct conf_check *conf_check_free(struct conf_check *k);
