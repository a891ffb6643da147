/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * What this process and those that it starts may do. Setting routes takes CAP_NET_ADMIN for ever,
 * and so does VRRP CAP_NET_RAW. Who makes sockets in the node's network namespace itself
 * (sockets/netns.h) needs more, once. exabgp and BIRD need nothing of all that.
 */

/*
 * Gives up all capabilities but CAP_NET_ADMIN and, `with_raw`, CAP_NET_RAW, as far as they are
 * there, and sets no_new_privs, so that no program started later gets one back, be it as root or by
 * its file (capabilities(7)).
 */
int privileges_drop(bool with_raw, struct err *e);
