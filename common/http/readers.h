/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "config/listen.h"

/*
 * Who may connect to where metrics are: whom http.allow names, or anybody if that is nobody, and
 * the host or pod itself, from that address or by loopback. Pure, so that a change of the
 * configuration counts at once.
 */

/* Whether a client may that has connected to `at`. */
bool readers_may(const struct config *c, const struct listen *at, const struct ipaddr *client);
