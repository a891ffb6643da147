/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The names by which a metric is claimed: @kago-route-METRIC, and where somebody has taken that,
 * @kago-route-METRIC.RANDOM. Nobody can hold all of these.
 */
enum {
	CLAIM_MIN = 1,
	CLAIM_MAX = 19, /* FRR uses 20 and more, BIRD 32 */
};

struct claim {
	char name[sizeof "kago-route-4294967295.0123456789abcdef"];
	uint32_t metric; /* 0: none is claimed */
};

/* The name without a suffix. */
struct claim claim_plain(uint32_t metric);

/* The metric that a name claims, 0 if it is no such name. */
uint32_t claim_metric(const char *name);

/*
 * Gives `fd` the plain name, or where that is taken and `may_suffix` one with a suffix. That says
 * nothing of who else claims the metric. Errors: -EADDRINUSE; `fd` is as it was then.
 */
int claim_bind(struct claim *ret, int fd, uint32_t metric, bool may_suffix, struct err *e);
