/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"
#include "lead/agreement.h"

/* Logs whose tables differ from ours, when that begins, becomes another difference, and ends:
 * tables.*. */
struct disagreements;

struct disagreements *disagreements_new(void);
struct disagreements *disagreements_free(struct disagreements *d);

/* How it is now. `fleet` is for the names of Services, and may be NULL. */
void disagreements_tell(
	struct disagreements *d, const struct agreement *a, const struct fleet *fleet);
