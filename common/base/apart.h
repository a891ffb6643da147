/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Calls fn(arg, e) in a forked child and gives back its result and its error as if it had been
 * called here: for libraries whose memory shall not stay. Blocks until the child ends. What `fn`
 * does to our memory is lost. -ECHILD when it ends without a result.
 */
int apart(int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e);
