/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "config/listen.h"
#include "decide/fleet.h"

/*
 * Who may connect to http.listen: whom http.allow names, or anybody if that is nobody, and the pod
 * itself, from that address or by loopback. Pure, so that a change of the configuration counts at
 * once.
 */

/* Whether a client may that has connected to `at`. */
bool readers_may(const struct config *c, const struct listen *at, const struct ipaddr *client);

/*
 * The same for ruleset_protect, as if it was a virtual server; the caller frees its `sources`. All
 * addresses, or one that only the pod itself reaches, have nothing to be guarded by address.
 */
struct virtual_server readers_guard(const struct config *c, const struct listen *at);
