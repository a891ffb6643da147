/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * Whether keepalived was stopped (SIGSTOP): it does not end then, and says as little as one that
 * has nothing to say. It is two processes, each of which can be: `leader`, which is our child and
 * leads their process group, and the one that makes the checks, whose number is in a file.
 */

/* The one that is stopped now; 0: none. A debugger's stop does not count. */
pid_t stopped_find(pid_t leader, const char *checkers_pid_path);
