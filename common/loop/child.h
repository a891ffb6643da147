/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "loop/confine.h"

/*
 * A program run as our child: its output comes back line by line, its end is told once, and it dies
 * with us (PR_SET_PDEATHSIG). It starts with SIGHUP ignored, with no_new_privs, and leads a process
 * group: what it started and left behind is killed when it ends. `on_exit` may free the child or
 * start it again.
 */
struct child;

struct child_ops {
	/* A line of stdout or stderr, without its end; one over LIMIT_LOG_LINE comes in pieces. */
	void (*on_line)(void *ud, const char *line);
	/* The process has ended and all of its output was delivered. `status` is that of
	 * waitpid(2). */
	void (*on_exit)(void *ud, int status);
	/* The program and all that it starts have no capabilities, not even as root. */
	bool powerless;
	/* Asking for a priority of its packets does nothing and succeeds (loop/priority.h). */
	bool no_priority;
	/* A descriptor that becomes its stdin, read by child_start alone; 0: ours does. */
	int input;
	/* What it may do with files, read by child_start alone; NULL: all that we may. */
	const struct confine *confine;
	/* Its environment, "NAME=VALUE" each, NULL at the end; read by child_start alone. NULL:
	 * ours. */
	const char *const *environment;
};

/* `loop` is of loop_new; `argv` ends with NULL and argv[0] is the program's path. */
int child_start(struct child **ret, sd_event *loop, const char *const argv[],
	const struct child_ops *ops, void *ud, struct err *e);

pid_t child_pid(const struct child *c);

/* Sends a signal, by pidfd: never to another process. -ESRCH after the end. */
int child_signal(const struct child *c, int sig, struct err *e);

/*
 * Kills it and its group (SIGKILL) if it still runs, without waiting for output or for its end; no
 * callback comes any more.
 */
struct child *child_free(struct child *c);

/* "exit status 1" or "signal 9 (Killed)", for logs; ret_buf holds 64 bytes. */
const char *child_status_text(char ret_buf[static 64], int status);
