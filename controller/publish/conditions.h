/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objects/held.h"
#include "publish/facts.h"
#include "values/ipaddr.h"

/*
 * What the conditions of a Service shall say. The status is made from it, and Events by comparing
 * it with what the Service holds. Pure.
 */

struct condition {
	char status; /* 'T' or 'F' */
	enum reason reason;
	char *message; /* at most LIMIT_CONDITION_MESSAGE bytes */
};

struct conditions {
	struct condition items[N_CONDITIONS];
	const struct ipaddr *vips; /* the addresses that the status shall have; borrowed */
	size_t n_vips;
	char *lack; /* what has no endpoints: a part of some messages; NULL: nothing */
};

void conditions_build(struct conditions *ret, const struct facts *f);
void conditions_done(struct conditions *c);

/* Whether the addresses are those that the status says now: what load balancers announce is. */
bool conditions_keep_vips(const struct conditions *c, const struct held *held);

/* As it is written, without lastTransitionTime: what held_condition_digest takes. */
json_t *condition_json(const struct conditions *c, enum condition_type type, int64_t generation);

/* "10.1.1.1, fd00::1"; of more than eight the number of the others. */
char *vips_text(const struct ipaddr vips[], size_t n_vips) __attribute__((warn_unused_result));
char *names_text(const char *const names[], size_t n_names) __attribute__((warn_unused_result));
