/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * From now on, asking for a priority of a socket's packets (SO_PRIORITY) does nothing and succeeds,
 * for this process and all that it starts. The highest, which a program may want to do any work,
 * takes CAP_NET_ADMIN or CAP_NET_RAW, that is far more than the priority; by seccomp(2), with
 * no_new_privs set. On processors other than x86-64 and arm64 nothing happens.
 */
int priority_ignore(struct err *e);
