/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "decide/fleet.h"
#include "doc/mustache.h"

/*
 * Whether what a template of the user's makes of a virtual server has this sorry_server, which
 * keepalived adds while no real server is up. Pure.
 */
bool spare_is(const struct mustache *template, const struct virtual_server *vs,
	const struct ipaddr *addr, uint16_t port);
