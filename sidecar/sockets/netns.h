/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/* Other network namespaces. To enter one takes CAP_SYS_ADMIN, to open that of process 1
 * CAP_SYS_PTRACE, too (setns(2), ptrace(2)). */

/* Goes there for good. */
int netns_enter(const char *path, struct err *e);

/* Goes there for a moment; *ret_home is for netns_come_home. */
int netns_visit(int *ret_home, const char *path, struct err *e);

/* Closes `home`. It comes back, or the program ends. */
void netns_come_home(int home);
