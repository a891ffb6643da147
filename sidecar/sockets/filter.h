/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * From now on this process takes connections, makes sockets, hands them out and says so; all else
 * that it could ask the kernel for fails with EPERM, connecting to anything among it (seccomp(2)).
 * no_new_privs has to be set. On processors other than x86-64 and arm64 nothing happens.
 */
int filter_enter(struct err *e);
