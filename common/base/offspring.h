/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * The children of this process. Some have an owner, who waits for their exit status; all others
 * are orphans that the kernel gave us, or were killed and are of no more interest. Only those are
 * collected here, so nobody's exit status is lost.
 */

/* Nobody but the caller collects its exit status. Told right after fork. */
void offspring_own(pid_t pid);

/*
 * Collects it if it has ended, and else leaves it to offspring_reap. Never waits: a process that
 * was killed may take its time, when it is in uninterruptible sleep.
 */
void offspring_disown(pid_t pid);

/* Collects all that have ended. True: an owner must collect one before the others are seen. */
bool offspring_reap(void);
