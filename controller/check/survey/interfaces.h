/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "check/network.h"

/* The interfaces of the network namespace we are in, sorted by name; none if that fails. */
void interfaces_look(struct network_facts *ret);
