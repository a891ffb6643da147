/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "config/listen.h"
#include "decide/fleet.h"

/*
 * What readers_may (http/readers.h) says, for ruleset_protect, as if it was a virtual server; the
 * caller frees its `sources`. All addresses, or one that only the pod itself reaches, have nothing
 * to be guarded by address.
 */
struct virtual_server readers_guard(const struct config *c, const struct listen *at);
