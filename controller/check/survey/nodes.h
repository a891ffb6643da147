/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "check/tunnels.h"

/*
 * Which nodes take tunnels, from a list of the fleet's Leases, as the API server gives it. What is
 * unreadable of them is left out; that the leader's list is, is an error.
 */
void nodes_look(struct tunnels_facts *ret, const json_t *leases, const char *fleet);
