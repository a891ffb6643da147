/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"

/*
 * Logs what became of each Service, where that differs from the decision before: accepted, without
 * endpoints, rejected, in conflict, gone. `before` is NULL the first time.
 */
void outcomes_log(const struct fleet *before, const struct fleet *now);
