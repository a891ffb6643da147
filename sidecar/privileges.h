/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * What this process and those that it starts may do. Setting routes takes CAP_NET_ADMIN for ever.
 * Who makes sockets in the node's network namespace itself (sockets/netns.h) needs more, once.
 * exabgp needs nothing of all that.
 */

/*
 * Gives up all capabilities but CAP_NET_ADMIN, if that is there, and sets no_new_privs, so that no
 * program started later gets one back, be it as root or by its file (capabilities(7)).
 */
int privileges_drop(struct err *e);
