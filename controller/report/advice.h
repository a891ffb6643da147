/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "report/explain.h"

/* What is known of a Service that somebody wants to work; all borrowed. */
struct advice {
	const struct explain *x;
	const char *ns, *name;
	const struct service *service; /* NULL: not known */
	bool ours;
	const struct fleet_service *decision; /* NULL: none yet */
	const struct assignment *assignment;  /* NULL unless we lead and have decided */
};

/* What to do: one sentence for people, of several things the first. NULL: nothing. Pure. */
char *advice_for(const struct advice *a) __attribute__((warn_unused_result));
