/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "announce/announce.h"
#include "base/err.h"
#include "base/mem.h"
#include "exec/wishes.h"
#include "values/ipaddr.h"

/*
 * One call of the program (docs/exec.md). It has no capabilities and gains none, writes files in
 * /tmp alone where the kernel has Landlock, and is killed with all that it has started when it
 * takes too long. Logs: exec.log.
 */
struct call;

/* All is borrowed, and has to outlive the calls. */
struct call_setup {
	const char *program, *node_name;
	const char *const *environment; /* as of struct child_ops */
	uint64_t timeout;               /* usec; who calls has the timer */
};

/* `error`: why it failed; NULL: it did not. It may free the call. */
typedef void call_fn(void *ud, const char *error);

/*
 * `node` is the node's address of that family, `told` what WISH_SYNC tells, and `left` what it says
 * to leave alone; both are read at once. `on_end` is called once, from the loop.
 */
int call_start(struct call **ret, sd_event *loop, const struct call_setup *setup,
	const struct wish_call *what, const struct ipaddr *node, const struct prefixes *told,
	const struct prefixes *left, call_fn *on_end, void *ud, struct err *e);

/* Its time is over: it is killed, and has failed. */
void call_expire(struct call *c);

/* Kills it if it runs; no callback comes any more. */
struct call *call_free(struct call *c);
DEFINE_CLEANUP(struct call *, call_free);

/* "add 10.1.1.1/32" or "sync", for logs and errors. */
enum { CALL_TEXT = IPNET_TEXT + 8 };
const char *call_format(char ret_buf[static CALL_TEXT], const struct wish_call *what);
