/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * What a process may do with files: a wall of its own making, which it and all that it starts
 * cannot leave (landlock(7)). The system's programs, libraries and settings can always be read and
 * run; everything else only if it is named here. Sockets and IPVS are no files.
 */
struct confine {
	/* Folders and files, NULL at the end; one that is not there is passed over. */
	const char *const *readable; /* and what is a program can be run */
	const char *const *writable; /* read, changed, made and removed, but not run */
};

/* Whether the kernel has such walls: Linux 5.13 or newer, with Landlock among its `lsm=`. */
bool confine_is_possible(void);

/*
 * Builds the wall around the calling process, which has set no_new_privs and is about to become
 * `program`: that and what is beside it in its folder can be read, too. Where it is not possible
 * nothing happens. Errors: the kernel's, and the process is as free as before then.
 */
int confine_enter(const struct confine *c, const char *program, struct err *e);

/* Neither this process nor what it starts gains a right by running a program (prctl(2)). */
int confine_gain_nothing(struct err *e);
